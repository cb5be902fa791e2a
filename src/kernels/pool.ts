import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { slide } from "./conv-size.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** Windows over planes. x: planes x height x width, such as N C x H x W. */
export interface PoolSize {
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  readonly window: readonly [height: number, width: number];
  /** 1 by default. */
  readonly stride?: number;
  /** Rows and columns around each plane, at most half a window; 0 by default. */
  readonly padding?: number;
}

/** Height and width of a plane of the result. @throws ShapeError when a size is not what it must be or the window is larger than the padded plane. */
export function poolOut(op: string, size: PoolSize): { height: number; width: number } {
  const { planes, height, width, window, stride = 1, padding = 0 } = size;
  const positive = { planes, height, width, "window height": window[0], "window width": window[1], stride };
  requireSizes(op, positive);
  if (!Number.isInteger(padding) || padding < 0 || 2 * padding > Math.min(...window)) {
    throw new ShapeError(`${op}: padding: expected 0 to half of the window ${window.join(" x ")}, got ${padding}`);
  }
  const out = slide(size, window, stride, padding);
  if (out.height < 1 || out.width < 1) {
    const plane = `${height + 2 * padding} x ${width + 2 * padding}`;
    throw new ShapeError(`${op}: expected a window within the padded plane of ${plane}, got ${window.join(" x ")}`);
  }
  return out;
}

/** Elements before and after, and what the kernels must know. */
function plan(op: string, size: PoolSize) {
  const { planes, height, width, window, stride = 1, padding = 0 } = size;
  const out = poolOut(op, size);
  return {
    pixels: planes * height * width,
    windows: planes * out.height * out.width,
    params: { height, width, out_height: out.height, out_width: out.width, padding },
    constants: { WINDOW_HEIGHT: window[0], WINDOW_WIDTH: window[1], STRIDE: stride },
    /** Windows that may contain one pixel. */
    spans: {
      SPAN_Y: Math.min(Math.ceil(window[0] / stride), out.height),
      SPAN_X: Math.min(Math.ceil(window[1] / stride), out.width),
    },
    inFours: false,
  };
}

/**
 * y = largest element of each window, f32; `at` (u32, as long as y) gets its place y * width + x in the plane, the first one where several are equal.
 * The padding does not count. The result for NaN is not defined.
 * @throws ShapeError when a size is wrong or a buffer too short.
 */
export function maxPool(gpu: Gpu, buffers: { x: BufferLike; y: BufferLike; at: BufferLike }, size: PoolSize): void {
  const { pixels, windows, params, constants, inFours } = plan("maxPool", size);
  requireElements("maxPool", buffers, { x: pixels, y: windows, at: windows });
  dispatchElementwise(gpu, shaders.max_pool, { buffers, params, constants, inFours }, windows);
}

/**
 * dx = gradient of `maxPool`: what each window's first largest element gets, summed in a fixed order.
 * @throws ShapeError when a size is wrong or a buffer too short.
 */
export function maxPoolGrad(
  gpu: Gpu,
  buffers: { at: BufferLike; dy: BufferLike; dx: BufferLike },
  size: PoolSize,
): void {
  const { pixels, windows, params, constants, spans, inFours } = plan("maxPoolGrad", size);
  requireElements("maxPoolGrad", buffers, { at: windows, dy: windows, dx: pixels });
  const call = { buffers, params, constants: { ...constants, ...spans }, inFours };
  dispatchElementwise(gpu, shaders.max_pool_grad, call, pixels);
}

/**
 * yTangent = how `maxPool` follows when x moves: the tangent of each window's first largest element.
 * @throws ShapeError when a size is wrong or a buffer too short.
 */
export function maxPoolTangent(
  gpu: Gpu,
  { xTangent, at, yTangent }: { xTangent: BufferLike; at: BufferLike; yTangent: BufferLike },
  size: PoolSize,
): void {
  const { pixels, windows } = plan("maxPoolTangent", size);
  requireElements("maxPoolTangent", { xTangent, at, yTangent }, { xTangent: pixels, at: windows, yTangent: windows });
  const params = { windows: windows / size.planes, pixels: size.height * size.width };
  const call = { buffers: { x: xTangent, at, y: yTangent }, params, inFours: false };
  dispatchElementwise(gpu, shaders.max_pool_tangent, call, windows);
}

/**
 * y = mean of each window, f32; the padding counts as zeros.
 * @throws ShapeError when a size is wrong or a buffer too short.
 */
export function averagePool(gpu: Gpu, buffers: { x: BufferLike; y: BufferLike }, size: PoolSize): void {
  const { pixels, windows, params, constants, inFours } = plan("averagePool", size);
  requireElements("averagePool", buffers, { x: pixels, y: windows });
  dispatchElementwise(gpu, shaders.average_pool, { buffers, params, constants, inFours }, windows);
}

/**
 * dx = gradient of `averagePool`.
 * @throws ShapeError when a size is wrong or a buffer too short.
 */
export function averagePoolGrad(gpu: Gpu, buffers: { dy: BufferLike; dx: BufferLike }, size: PoolSize): void {
  const { pixels, windows, params, constants, spans, inFours } = plan("averagePoolGrad", size);
  requireElements("averagePoolGrad", buffers, { dy: windows, dx: pixels });
  const call = { buffers, params, constants: { ...constants, ...spans }, inFours };
  dispatchElementwise(gpu, shaders.average_pool_grad, call, pixels);
}
