/** AdamW over the parameters of a model, with decay groups, clipping and masks. */
import type { Gpu } from "../gpu/index.js";
import type { FloatTensor } from "../io/safetensors.js";
import { gradientNorm } from "../kernels/gradient-norm.js";
import { adamw, optimizerSchedule } from "../kernels/optimizer.js";
import type { Parameter, Parameters } from "../nn/parameter.js";
import { requireFloat32 } from "../nn/precision.js";
import { type Gradients, Tensor } from "../tensor/index.js";

/** Coefficients of AdamW (Loshchilov and Hutter 2019). */
export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled decay of matrices and filters; vectors (biases, norms, weights of identities), tokens and positions are not decayed. */
  readonly weightDecay: number;
  /** Largest global norm of the gradients; 0 for no clipping. */
  readonly clipNorm: number;
}

/** Coefficients used where a run names none. */
export const ADAMW_DEFAULTS: AdamWOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05, clipNorm: 1 };

/** Matrices and filters decay; what is a vector in disguise ([1, 1, width] tokens and positions, [C, 1, 1] shortcuts) does not. */
const decays = ({ name, value }: Parameter): boolean =>
  value.shape.length > 1 && !/(^|\.)(cls_token|dist_token|pos_embed|shortcut\.weight)$/.test(name);

/** `schedule` holds what changes by step: learning rate, two bias corrections, gradient scale. Recorded steps read it anew. */
export class AdamW {
  /** By name: `first.<parameter>` and `second.<parameter>`. */
  readonly moments: ReadonlyMap<string, Tensor>;
  readonly #schedule: Tensor;
  readonly norm: Tensor;

  constructor(
    private readonly gpu: Gpu,
    private readonly parameters: Parameters,
    readonly options: AdamWOptions,
  ) {
    requireFloat32({ parameters }, "training");
    const trained = [...parameters].filter(({ trainable }) => trainable);
    this.moments = new Map(
      trained.flatMap(({ name, value: { shape } }) =>
        ["first", "second"].map((moment) => [`${moment}.${name}`, Tensor.zeros(gpu, shape)] as const),
      ),
    );
    this.#schedule = Tensor.from(gpu, Float32Array.of(0, 1, 1, 1));
    this.norm = Tensor.zeros(gpu, [1]);
  }

  /** Sets the learning rate of `step` (from 0) for the update that is recorded or replayed next. */
  prepare(step: number, learningRate: number): void {
    const { beta1, beta2 } = this.options;
    this.#schedule.write(optimizerSchedule(learningRate, step + 1, beta1, beta2));
  }

  /** Records one update of every parameter that has a gradient. */
  update(gradients: Gradients): void {
    const { beta1, beta2, epsilon, weightDecay, clipNorm } = this.options;
    const updated = [...this.parameters].flatMap((parameter) => {
      const gradient = gradients.get(parameter.value);
      return gradient ? [{ parameter, gradient }] : [];
    });
    if (clipNorm > 0) {
      const all = updated.map(({ gradient }) => ({ gradient, length: gradient.size }));
      gradientNorm(this.gpu, { gradients: all, norm: this.norm, schedule: this.#schedule }, { maxNorm: clipNorm });
    }
    for (const { parameter, gradient } of updated) {
      const [first, second] = ["first", "second"].map((moment) => this.moments.get(`${moment}.${parameter.name}`)!);
      adamw(
        this.gpu,
        {
          weight: parameter.value,
          gradient,
          firstMoment: first,
          secondMoment: second,
          schedule: this.#schedule,
          mask: parameter.mask,
        },
        { length: parameter.size, beta1, beta2, epsilon, decay: decays(parameter) ? weightDecay : 0 },
      );
    }
  }

  /** Whether all weights are finite: whether their norm is. */
  async weightsAreFinite(): Promise<boolean> {
    const unused = Tensor.zeros(this.gpu, [4]);
    const gradients = [...this.parameters].map(({ value, size }) => ({ gradient: value, length: size }));
    gradientNorm(this.gpu, { gradients, norm: this.norm, schedule: unused }, { maxNorm: 1 });
    const [norm] = await this.norm.read();
    this.gpu.release(unused);
    return Number.isFinite(norm);
  }

  /** Copies the moments to the host. */
  async read(): Promise<Map<string, FloatTensor>> {
    const state = new Map<string, FloatTensor>();
    for (const [name, moment] of this.moments) state.set(name, { shape: [...moment.shape], data: await moment.read() });
    return state;
  }

  write(state: ReadonlyMap<string, FloatTensor>): void {
    for (const [name, moment] of this.moments) moment.write(state.get(name)!.data);
  }

  release(): void {
    for (const moment of this.moments.values()) this.gpu.release(moment);
    this.gpu.release(this.#schedule);
    this.gpu.release(this.norm);
  }
}
