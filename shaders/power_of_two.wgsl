// scale[0] = 2^-floor(log2 m), m the largest |x[i]|: the power of two that brings m into [1, 2), exact, as it is put together from exponent bits.
//
//   bits of m | sign 0 | exponent e + 127 | fraction |     ->     scale | 0 | 127 - e | 0 |
//
// 1 where m is zero, infinite or NaN, and where e is not past `comfortable`. e is kept within -126 and 126, so that the scale and its inverse are
// normal numbers.
// x: count, read as bits. One workgroup.
const GROUP = 256u;

struct Params { count: u32, comfortable: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;

var<workgroup> largest: array<u32, GROUP>;

@compute @workgroup_size(GROUP)
fn main(@builtin(local_invocation_index) lane: u32) {
  var found = 0u;
  for (var i = lane; i < params.count; i += GROUP) { found = max(found, x[i] & 0x7fffffffu); }
  largest[lane] = found;
  for (var width = GROUP >> 1u; width > 0u; width = width >> 1u) {
    workgroupBarrier();
    if (lane < width) { largest[lane] = max(largest[lane], largest[lane + width]); }
  }
  if (lane != 0u) { return; }
  let exponent = largest[0] >> 23u;
  let past = max(exponent, 127u) - min(exponent, 127u) > params.comfortable;
  let scaled = past && largest[0] != 0u && exponent != 255u;
  scale[0] = select(1.0, bitcast<f32>((254u - clamp(exponent, 1u, 253u)) << 23u), scaled);
}
