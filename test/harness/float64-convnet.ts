/** ResNets and VGG in float64 loops, put together from the names of their weights and not from our layouts. */
export interface OracleTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

type Weights = ReadonlyMap<string, OracleTensor>;

/** [N, C, side, side] */
interface Images {
  readonly data: Float64Array;
  readonly batch: number;
  readonly channels: number;
  readonly side: number;
}

/** What a forward pass gives: logits [batch, classes], and where batches are normalised by themselves their statistics by name. */
export interface OracleOutput {
  readonly logits: Float64Array;
  readonly statistics: ReadonlyMap<string, Float64Array>;
}

const plus = (a: Images, b: Images): Images => ({ ...a, data: a.data.map((value, i) => value + b.data[i]) });

function convolve(x: Images, weight: OracleTensor, bias: OracleTensor | undefined, stride: number): Images {
  const [channels, inputs, kernel] = weight.shape;
  const padding = (kernel - 1) / 2;
  const side = Math.floor((x.side + 2 * padding - kernel) / stride) + 1;
  const area = side * side;
  const data = Float64Array.from({ length: x.batch * channels * area }, (_, i) => {
    return bias?.data[Math.floor(i / area) % channels] ?? 0;
  });
  // Each weight in turn slides over the pixels that it sees.
  for (let i = 0; i < channels * inputs * kernel * kernel; i++) {
    const [ky, kx] = [(Math.floor(i / kernel) % kernel) - padding, (i % kernel) - padding];
    const [o, c] = [Math.floor(i / (kernel * kernel * inputs)), Math.floor(i / (kernel * kernel)) % inputs];
    for (let n = 0; n < x.batch; n++)
      for (let oy = 0; oy < side; oy++) {
        const y = oy * stride + ky;
        if (y < 0 || y >= x.side) continue;
        const row = ((n * inputs + c) * x.side + y) * x.side + kx;
        const out = (n * channels + o) * area + oy * side;
        for (let ox = Math.max(0, Math.ceil(-kx / stride)); ox < side && ox * stride + kx < x.side; ox++) {
          data[out + ox] += weight.data[i] * x.data[row + ox * stride];
        }
      }
  }
  return { data, batch: x.batch, channels, side };
}

function largest(x: Images, window: number, stride: number, padding: number): Images {
  const side = Math.floor((x.side + 2 * padding - window) / stride) + 1;
  const data = new Float64Array(x.batch * x.channels * side * side).fill(Number.NEGATIVE_INFINITY);
  for (let plane = 0; plane < x.batch * x.channels; plane++)
    for (let out = 0; out < side * side; out++)
      for (let tap = 0; tap < window * window; tap++) {
        const y = Math.floor(out / side) * stride + Math.floor(tap / window) - padding;
        const column = (out % side) * stride + (tap % window) - padding;
        if (y < 0 || y >= x.side || column < 0 || column >= x.side) continue;
        const at = plane * side * side + out;
        data[at] = Math.max(data[at], x.data[(plane * x.side + y) * x.side + column]);
      }
  return { ...x, data, side };
}

/** How a pass differs from evaluation. */
export interface OracleMode {
  /** Batch norms use the batch's statistics, which are noted (the variance as PyTorch keeps it, unbiased). */
  readonly training?: boolean;
  /** Without ReLUs, so that gradients have no jumps. */
  readonly linear?: boolean;
}

/** One forward pass. */
class Forward {
  readonly statistics = new Map<string, Float64Array>();

  constructor(
    private readonly weights: Weights,
    private readonly mode: OracleMode,
  ) {}

  relu(x: Images): Images {
    return this.mode.linear ? x : { ...x, data: x.data.map((value) => Math.max(value, 0)) };
  }

  has(name: string): boolean {
    return this.weights.has(name);
  }

  conv(x: Images, conv: string, norm: string, stride = 1): Images {
    return this.norm(convolve(x, this.weights.get(`${conv}.weight`)!, this.weights.get(`${conv}.bias`), stride), norm);
  }

  norm(x: Images, name: string): Images {
    const [weight, bias] = ["weight", "bias"].map((part) => this.weights.get(`${name}.${part}`)!.data);
    const pixels = x.side * x.side;
    const count = x.batch * pixels;
    const channelOf = (i: number) => Math.floor(i / pixels) % x.channels;
    let [mean, variance] = ["mean", "var"].map((part) =>
      Float64Array.from(this.weights.get(`${name}.running_${part}`)!.data),
    );
    if (this.mode.training) {
      [mean, variance] = [new Float64Array(x.channels), new Float64Array(x.channels)];
      x.data.forEach((value, i) => {
        mean[channelOf(i)] += value / count;
      });
      x.data.forEach((value, i) => {
        variance[channelOf(i)] += (value - mean[channelOf(i)]) ** 2 / count;
      });
      this.statistics.set(`${name}.running_mean`, mean);
      this.statistics.set(
        `${name}.running_var`,
        variance.map((value) => (value * count) / (count - 1)),
      );
    }
    const data = x.data.map((value, i) => {
      const c = channelOf(i);
      return ((value - mean[c]) / Math.sqrt(variance[c] + 1e-5)) * weight[c] + bias[c];
    });
    return { ...x, data };
  }

  scale(x: Images, name: string): Images {
    const { data } = this.weights.get(`${name}.weight`)!;
    const pixels = x.side * x.side;
    return { ...x, data: x.data.map((value, i) => value * data[Math.floor(i / pixels) % x.channels]) };
  }

  classify({ data, batch, channels, side }: Images): OracleOutput {
    const { shape, data: weight } = this.weights.get("fc.weight")!;
    const bias = this.weights.get("fc.bias")!.data;
    const pixels = side * side;
    const logits = Float64Array.from({ length: batch * shape[0] }, (_, i) => {
      const [example, label] = [Math.floor(i / shape[0]), i % shape[0]];
      let sum = bias[label];
      for (let c = 0; c < channels; c++) {
        const plane = data.subarray((example * channels + c) * pixels, (example * channels + c + 1) * pixels);
        sum += (weight[label * channels + c] * plane.reduce((total, value) => total + value, 0)) / pixels;
      }
      return sum;
    });
    return { logits, statistics: this.statistics };
  }
}

function resnet20(pass: Forward, images: Images): OracleOutput {
  let x = pass.relu(pass.conv(images, "conv", "bn"));
  for (let block = 0; block < 9; block++) {
    const name = `blocks.${block}`;
    const stride = block === 3 || block === 6 ? 2 : 1;
    const inner = pass.relu(pass.conv(x, `${name}.conv1`, `${name}.bn1`, stride));
    const y = pass.conv(inner, `${name}.conv2`, `${name}.bn2`);
    const shortcut =
      stride === 1
        ? pass.scale(x, `${name}.shortcut`)
        : pass.conv(x, `${name}.shortcut.0`, `${name}.shortcut.1`, stride);
    x = pass.relu(plus(y, shortcut));
  }
  return pass.classify(x);
}

function vgg16(pass: Forward, images: Images): OracleOutput {
  let x = images;
  for (let layer = 0; layer < 17; layer++) {
    const isPool = [2, 5, 9, 13].includes(layer);
    x = isPool ? largest(x, 2, 2, 0) : pass.relu(pass.conv(x, `layers.${layer}.conv`, `layers.${layer}.bn`));
  }
  return pass.classify(x);
}

function torchvision(pass: Forward, images: Images): OracleOutput {
  let x = largest(pass.relu(pass.conv(images, "conv1", "bn1", 2)), 3, 2, 1);
  for (let layer = 1; layer <= 4; layer++) {
    for (let block = 0; pass.has(`layer${layer}.${block}.conv1.weight`); block++) {
      const name = `layer${layer}.${block}`;
      const stride = layer > 1 && block === 0 ? 2 : 1;
      const last = pass.has(`${name}.conv3.weight`) ? 3 : 2;
      let y = x;
      for (let index = 1; index <= last; index++) {
        y = pass.conv(y, `${name}.conv${index}`, `${name}.bn${index}`, index === last - 1 ? stride : 1);
        if (index < last) y = pass.relu(y);
      }
      const narrow = pass.has(`${name}.downsample.0.weight`);
      x = pass.relu(plus(y, narrow ? pass.conv(x, `${name}.downsample.0`, `${name}.downsample.1`, stride) : x));
    }
  }
  return pass.classify(x);
}

const NETWORKS: Readonly<Record<string, (pass: Forward, images: Images) => OracleOutput>> = {
  resnet20,
  vgg16_bn: vgg16,
  resnet18: torchvision,
  resnet50: torchvision,
};

/** @param images - [N, C, side, side] */
export function float64ConvNet(
  architecture: string,
  weights: Weights,
  { shape: [batch, channels, side], data }: OracleTensor,
  mode: OracleMode = {},
): OracleOutput {
  const images = { data: Float64Array.from(data), batch, channels, side };
  return NETWORKS[architecture](new Forward(weights, mode), images);
}
