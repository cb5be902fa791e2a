// y[i] = x[i] * g[(i / inner) % period], or x[i] + g[...] with ADD. The index of g is the *unit index* of element i.
#import elementwise
#import value
#import unit
const ADD = false;

struct Params { start: u32, end: u32, inner: u32, period: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read> g: array<Unit>;
@group(0) @binding(3) var<storage, read_write> y: array<Stored>;

fn apply(i: u32) {
  let unit = g[unit_index(i, params.inner, params.period)];
  let value = Value(x[i]);
  if (ADD) { y[i] = Stored(value + unit); } else { y[i] = Stored(value * unit); }
}
