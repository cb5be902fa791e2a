/** Multilayer perceptrons of ReLU in float64 on the host: forward, and gradients by effective weights. */

export interface Float64Layer {
  /** [out, in], with removed weights at zero. */
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

export interface Float64Pass {
  /** Inputs of each layer, [examples, in]. */
  readonly inputs: readonly Float64Array[];
  readonly logits: Float64Array;
}

export function forwardMlp(layers: readonly Float64Layer[], images: ArrayLike<number>, examples: number): Float64Pass {
  const inputs: Float64Array[] = [];
  let x = Float64Array.from(images);
  layers.forEach(({ weight, bias }, index) => {
    inputs.push(x);
    const [ins, outs] = [x.length / examples, bias.length];
    const y = new Float64Array(examples * outs);
    for (let e = 0; e < examples; e++) {
      for (let o = 0; o < outs; o++) {
        let sum = bias[o];
        for (let i = 0; i < ins; i++) sum += weight[o * ins + i] * x[e * ins + i];
        y[e * outs + o] = index < layers.length - 1 ? Math.max(0, sum) : sum;
      }
    }
    x = y;
  });
  return { inputs, logits: x };
}

/** Gradients by each layer's weight [out, in], of removed weights too. @param dLogits - [examples, classes] */
export function backwardMlp(
  layers: readonly Float64Layer[],
  { inputs }: Float64Pass,
  dLogits: Float64Array,
  examples: number,
): Float64Array[] {
  const gradients: Float64Array[] = [];
  let dy = dLogits;
  for (let index = layers.length - 1; index >= 0; index--) {
    const { weight, bias } = layers[index];
    const x = inputs[index];
    const [ins, outs] = [x.length / examples, bias.length];
    const dw = new Float64Array(weight.length);
    const dx = new Float64Array(x.length);
    for (let e = 0; e < examples; e++) {
      for (let o = 0; o < outs; o++) {
        const g = dy[e * outs + o];
        for (let i = 0; i < ins; i++) {
          dw[o * ins + i] += g * x[e * ins + i];
          // The inputs of later layers are ReLU's outputs: where they are zero nothing passes back.
          if (x[e * ins + i] > 0) dx[e * ins + i] += g * weight[o * ins + i];
        }
      }
    }
    gradients.unshift(dw);
    dy = dx;
  }
  return gradients;
}

/** Of the mean cross entropy. */
export function crossEntropyGradient(logits: Float64Array, labels: ArrayLike<number>): Float64Array {
  const examples = labels.length;
  const classes = logits.length / examples;
  const gradient = new Float64Array(logits.length);
  for (let e = 0; e < examples; e++) {
    const row = logits.subarray(e * classes, (e + 1) * classes);
    const largest = row.reduce((most, value) => Math.max(most, value), -Infinity);
    const total = row.reduce((sum, value) => sum + Math.exp(value - largest), 0);
    row.forEach((value, c) => {
      gradient[e * classes + c] = (Math.exp(value - largest) / total - Number(c === labels[e])) / examples;
    });
  }
  return gradient;
}
