// Bit i of the mask = bit offset + (i / band) * period + (i / inner) % period of the units; bits past length are 0
// mask: ceil(length / 32) words, which are the values here; units: one bit a unit
#import elementwise

// Whether the mask keeps what it had removed before.
const INTERSECT = false;

struct Params { start: u32, end: u32, length: u32, inner: u32, period: u32, band: u32, offset: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> units: array<u32>;
@group(0) @binding(2) var<storage, read_write> mask: array<u32>;

fn unit_bit(unit: u32) -> u32 {
  let at = unit + params.offset;
  return (units[at >> 5u] >> (at & 31u)) & 1u;
}

fn set_bits(word: u32, bits: u32) {
  if (INTERSECT) { mask[word] &= bits; } else { mask[word] = bits; }
}

fn apply(word: u32) {
  let first = word << 5u;
  let count = min(32u, params.length - first);
  let all = 0xffffffffu >> (32u - count);

  let block = first / params.inner;
  let band = first / params.band;
  var before = band * params.period; // units of earlier bands
  var left = params.band - (first - band * params.band);
  var unit = block % params.period;
  var within = first - block * params.inner;
  if (within + count <= params.inner) { // the whole word lies in one unit
    set_bits(word, all * unit_bit(before + unit));
    return;
  }
  if (params.inner == 1u && unit + count <= params.period) { // consecutive units: a shifted copy
    let at = before + unit + params.offset;
    let low = units[at >> 5u] >> (at & 31u);
    let high = (units[(at + 31u) >> 5u] << 1u) << (31u - (at & 31u));
    set_bits(word, (low | high) & all);
    return;
  }
  var bits = 0u;
  for (var b = 0u; b < 32u; b++) {
    if (b < count) { bits |= unit_bit(before + unit) << b; }
    left--;
    if (left == 0u) {
      left = params.band;
      before += params.period;
    }
    within++;
    if (within == params.inner) {
      within = 0u;
      unit++;
      if (unit == params.period) { unit = 0u; }
    }
  }
  set_bits(word, bits);
}
