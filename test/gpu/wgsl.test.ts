/** Kernels from WGSL text at run time. */
import { describe, expect, test } from "vitest";
import { KernelError, UsageError } from "../../src/errors.js";
import { readsFold } from "../../src/gpu/dispatch.js";
import { type ShaderSource, shaderFromWgsl } from "../../src/gpu/index.js";
import { dispatchElementwise, fragments } from "../../src/kernels/index.js";
import * as shaders from "../../src/kernels/shaders.gen.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals } from "../harness/random.js";

const HARD_THRESHOLD = `// y = x where |x| >= limit, else 0
#import elementwise
#import value

struct Params { start: u32, end: u32, limit: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read_write> y: array<Value>;

fn apply(i: u32) { y[i] = select(Value(0.0), x[i], abs(x[i]) >= Value(params.limit)); }
`;

const DOUBLE = `const FACTOR = 2.0;
@group(0) @binding(1) var<storage, read> x: array<f32>; /* a
comment */
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3u) {
  y[group.x] = FACTOR * x[group.x];
}
`;

describe("what is read out of the text", () => {
  test("bindings, parameters and constants, those of imports included", () => {
    const shader = shaderFromWgsl("threshold", HARD_THRESHOLD, fragments);
    expect(shader).toMatchObject({
      name: "threshold",
      bindings: [
        { name: "x", binding: 1, access: "read" },
        { name: "y", binding: 2, access: "write" },
      ],
      params: [
        { name: "start", type: "u32" },
        { name: "end", type: "u32" },
        { name: "limit", type: "f32" },
      ],
    });
    expect([...shader.constants].sort()).toEqual(["GROUP", "Stored", "TURNS", "Value", "WIDTH"]);
  });

  test("the files of shaders/ come through the same door", () => {
    const { code, name } = shaders.softmax;
    const { explain: _, closed: __, ...record } = shaderFromWgsl(name, code);
    expect(record).toEqual(shaders.softmax);
  });

  test.each([
    "@binding(3) @group(0) var<storage, read_write>",
    "@binding(3)@group(0)var<storage,read_write>",
    "@group(0u)\n@binding( 3 )\nvar <storage, read_write>",
  ])("a binding as %j", (binding) => {
    const text = DOUBLE.replace("@group(0) @binding(3) var<storage, read_write>", binding);
    expect(shaderFromWgsl("k", text).bindings).toEqual(shaderFromWgsl("k", DOUBLE).bindings);
  });

  test("variables that are no bindings are none", () => {
    const text = DOUBLE.replace("  y[", "  var z = array<f32, 1>(0.0);\n  y[");
    const within = `var<private> p: f32;\nvar<workgroup> storage_of: array<f32, 64>;\n${text}`;
    expect(shaderFromWgsl("k", within).bindings).toEqual(shaderFromWgsl("k", DOUBLE).bindings);
  });

  test.each([
    [
      "an unknown import",
      "\n#import grids\n",
      /k line 2: expected #import of a known fragment \(grid\), got grids; correct it/,
    ],
    ["no entry point", "fn main() {}", /k: expected one @compute entry point called main, got 0/],
    ["an entry point of another name", "@compute @workgroup_size(1) fn other() {}", /called main/],
    ["parameters without a uniform", `struct Params { n: u32 }\n${DOUBLE}`, /both struct Params and var<uniform>/],
    ["a parameter that is no scalar", `struct Params { n: vec4f }\n${DOUBLE}`, /Params: expected .* got "n: vec4f"/],
    ["two bindings of one number", DOUBLE.replace("(3)", "(1)"), /k: y: expected a binding of its own, got that of x/],
    ["another group", DOUBLE.replace("group(0)", "group(1)"), /k: x: expected @group\(0\), got @group\(1\)/],
    [
      "a binding whose number is not written out",
      `const AT = 3;\n${DOUBLE.replace("binding(3)", "binding(AT)")}`,
      /^k: y: expected @group and @binding with numbers before var, got @group\(0\) @binding\(AT\)$/,
    ],
    ["a buffer without a binding", DOUBLE.replace("@group(0) @binding(3)", ""), /k: y: expected @group .*got no attr/],
    [
      "a texture",
      `@group(0) @binding(5) var t: texture_2d<f32>;\n${DOUBLE}`,
      /^k: t: expected var<uniform> or var<storage>, got var$/,
    ],
    [
      "a uniform of another name",
      DOUBLE.replace("storage, read>", "uniform>"),
      /k: x: expected @binding\(0\) var<uniform> params/,
    ],
  ])("%s is refused", (_, text, message) => {
    const make = () => shaderFromWgsl("k", text, { grid: fragments.grid });
    expect(make).toThrow(KernelError);
    expect(make).toThrow(message);
  });
});

/** Kernels of shaders/ that do not read a folded grid. Those of attention are given [x, y, z], the others one group. */
const UNFOLDED = [
  ...["attention", "attention_grad", "attention_grad_lane", "attention_grad_tangent", "attention_lane"],
  ...["attention_short", "attention_short_grad", "attention_stream", "attention_stream_grad", "attention_tangent"],
  ...["cholesky_pivot", "clip_gradient", "parameter_budget", "power_of_two", "select_cut"],
];

test("the files of shaders/ read a folded grid, but for those that are never given one", () => {
  const all: ShaderSource[] = Object.values(shaders);
  expect(all.filter((shader) => !readsFold(shader)).map(({ name }) => name)).toEqual(UNFOLDED);
});

describe("kernels of one's own", () => {
  test("run by dispatch, with constants replaced", async () => {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const [x, y] = [gpu.allocate(12), gpu.allocate(12)];
    gpu.upload(x, Float32Array.of(1, 2, 3));
    const double = shaderFromWgsl("double.wgsl", DOUBLE);
    gpu.dispatch(double, { buffers: { x, y }, groups: 3 });
    expect([...(await gpu.read(y))]).toEqual([2, 4, 6]);
    gpu.dispatch(double, { buffers: { x, y }, groups: 3, constants: { FACTOR: -1 } });
    expect([...(await gpu.read(y))]).toEqual([-1, -2, -3]);
    expect(() => gpu.dispatch(double, { buffers: { x }, groups: 3 })).toThrow(/expected a buffer for binding y/);
  });

  test.each([1, 4, 1021])("run on our fragments, over %d elements", async (length) => {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const [x, y] = [gpu.allocate(length * 4), gpu.allocate(length * 4)];
    const values = normals(length, length);
    gpu.upload(x, values);
    const threshold = shaderFromWgsl("threshold.wgsl", HARD_THRESHOLD, fragments);
    dispatchElementwise(gpu, threshold, { buffers: { x, y }, params: { limit: 0.5 } }, length);
    const want = values.map((value) => (Math.abs(value) >= 0.5 ? value : 0));
    expect(await gpu.read(y)).toEqual(want);
  });

  test("that index by linear_group compute all elements past the groups of one dimension, others are refused", async () => {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const limit = gpu.limits.maxComputeWorkgroupsPerDimension;
    const length = limit + 3;
    const y = gpu.allocate(4 * length);
    gpu.clear(y);
    const text = (import_: string, index: string) => `${import_}
struct Params { length: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  if (${index} < params.length) { y[${index}] = ${index} + 1u; }
}`;
    const params = { length };
    const folded = shaderFromWgsl("folded", text("#import grid", "linear_group(group, groups)"), fragments);
    gpu.dispatch(folded, { buffers: { y }, params, groups: length });
    expect((await gpu.read(y, Uint32Array)).findIndex((value, i) => value !== i + 1)).toBe(-1);
    for (const import_ of ["", "#import grid"]) {
      const flat = shaderFromWgsl("flat", text(import_, "group.x"), fragments);
      expect(() => gpu.dispatch(flat, { buffers: { y }, params, groups: length })).toThrow(
        new KernelError(
          `flat: expected at most ${limit} groups, which is what one dimension holds, got ${length}; index by linear_group of #import grid, or pass [x, y, z]`,
        ),
      );
      gpu.dispatch(flat, { buffers: { y }, params, groups: limit });
      gpu.dispatch(flat, { buffers: { y }, params, groups: [limit, 2, 1] });
    }
    await gpu.sync();
  });

  test("are compiled by the compiler's message with the line in their file", async () => {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const [x, y] = [gpu.allocate(16), gpu.allocate(16)];
    const wrong = shaderFromWgsl("wrong.wgsl", HARD_THRESHOLD.replace("select(", "choose("), fragments);
    dispatchElementwise(gpu, wrong, { buffers: { x, y }, params: { limit: 0.5 } }, 4);
    await expect(gpu.sync()).rejects.toThrow(/^wrong\.wgsl line 11, column 27: .*choose/);
    await expect(gpu.warmUp([[shaderFromWgsl("again.wgsl", wrong.code)]])).rejects.toThrow(/^again\.wgsl line \d+,/);
  });

  test("refuse names that they do not declare", async () => {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const [x, y] = [gpu.allocate(16), gpu.allocate(16)];
    const buffers = { x, y };
    const double = shaderFromWgsl("double.wgsl", DOUBLE);
    expect(() => gpu.dispatch(double, { buffers: { ...buffers, z: x }, groups: 4 })).toThrow(
      new KernelError(
        "double.wgsl: expected a binding among x, y, got z; correct it in the call, or declare it in the WGSL",
      ),
    );
    expect(() => gpu.dispatch(double, { buffers, params: { n: 4 }, groups: 4 })).toThrow(
      /^double\.wgsl: expected a parameter among none, got n; /,
    );
    const threshold = shaderFromWgsl("threshold.wgsl", HARD_THRESHOLD, fragments);
    const call = { buffers, params: { limit: 0.5, limits: 1 } };
    expect(() => dispatchElementwise(gpu, threshold, call, 4)).toThrow(
      /parameter among start, end, limit, got limits;/,
    );
    const { params: _, ...none } = { ...call, params: undefined };
    expect(() => dispatchElementwise(gpu, double, none, 4)).toThrow(/parameter among none, got start; .*declare it/);
    gpu.dispatch(double, { buffers: { ...buffers, z: undefined as unknown as typeof x }, groups: 4 });
    await gpu.sync();
  });

  test("are told where fragments come from", () => {
    expect(() => shaderFromWgsl("k", HARD_THRESHOLD)).toThrow(
      'k line 2: expected #import of a known fragment (none), got elementwise; pass fragments of "secateur/kernels" as in shaderFromWgsl(name, text, fragments)',
    );
  });

  test("are made from texts", () => {
    const make = (name: string, text?: string, given?: unknown) => () =>
      shaderFromWgsl(name, text as string, given as typeof fragments);
    const expected =
      "shaderFromWgsl: expected a name and a text, got string and undefined; pass (name, text, fragments)";
    expect(make("k")).toThrow(new UsageError(expected));
    expect(make(DOUBLE)).toThrow(new UsageError(expected));
    expect(make("k", DOUBLE, { fragments: { grid: "" } })).toThrow(
      new UsageError(
        'k: expected texts by name as fragments, got Object as fragments; pass fragments of "secateur/kernels" itself, not { fragments }',
      ),
    );
  });

  test("are dispatched as what shaderFromWgsl makes, with options that there are", async () => {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const [x, y] = [gpu.allocate(16), gpu.allocate(16)];
    const dispatch = (shader: unknown, call?: unknown) => () => gpu.dispatch(shader as ShaderSource, call as never);
    const call = { buffers: { x, y }, groups: 4 };
    for (const [wrong, got] of [
      [DOUBLE, "a string"],
      [undefined, "undefined"],
      [{ name: "k" }, "Object"],
    ]) {
      expect(dispatch(wrong, call)).toThrow(
        new UsageError(`dispatch: expected a kernel, got ${got}; make one with shaderFromWgsl(name, text)`),
      );
    }
    const double = shaderFromWgsl("double.wgsl", DOUBLE);
    expect(dispatch(double)).toThrow(
      new UsageError(
        "double.wgsl: expected options { buffers, params, groups, constants }, got undefined; pass them as one object",
      ),
    );
    expect(dispatch(double, { buffers: { x, y }, group: 3 })).toThrow(
      new UsageError(
        "double.wgsl: expected an option among buffers, params, groups, constants, got group; correct it in the call",
      ),
    );
    expect(dispatch(shaders.softmax)).toThrow(/^softmax: expected options \{ buffers/);
    dispatch(double, { ...call, constants: undefined, params: undefined })();
    await gpu.sync();
  });

  test("that do not compile say so at each use, in the same words", async () => {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const y = gpu.allocate(16);
    const text = DOUBLE.replace("FACTOR * x[group.x]", "q");
    const words = /^bad\.wgsl line \d+, column \d+: expected WGSL that compiles, got ".*unresolved value 'q'"$/;
    const make = () => shaderFromWgsl("bad.wgsl", text.replace(/.*read> x.*;/, ""));
    const bad = make();
    const use = () => gpu.dispatch(bad, { buffers: { y }, groups: 1 });
    using recording = gpu.record(use);
    recording.replay();
    use();
    await expect(gpu.sync()).rejects.toThrow(words);
    await gpu.sync();
    expect(use).toThrow(words);
    expect(() => gpu.record(use)).toThrow(words);
    expect(() => recording.replay()).toThrow(words);
    await expect(gpu.warmUp([[bad]])).rejects.toThrow(words);
    await gpu.sync(); // nothing that is broken was submitted
    await expect(gpu.warmUp([[make()]])).rejects.toThrow(words);
    const unawaited = make();
    gpu.dispatch(unawaited, { buffers: { y }, groups: 1 });
    await expect(gpu.warmUp([[unawaited]])).rejects.toThrow(words);
    await expect(gpu.read(y)).rejects.toThrow(words);
    const mended = shaderFromWgsl("bad.wgsl", DOUBLE);
    gpu.dispatch(mended, { buffers: { x: gpu.allocate(16), y }, groups: 1 });
    await gpu.sync();
  });

  test("name the fragment that does not compile in them", async () => {
    const gpu = await sharedGpu();
    const text = HARD_THRESHOLD.replace("#import value", "#import value\n#import mine");
    const shader = shaderFromWgsl("user.wgsl", text, { ...fragments, mine: "\nfn broken() -> f32 { return 1u; }\n" });
    await expect(gpu.warmUp([[shader]])).rejects.toThrow(/^user\.wgsl, #import mine line 2, column \d+: /);
  });
});
