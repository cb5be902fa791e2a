// One element of a convolution's weight, for the kernels that read it singly. Uses conv_product.
@group(0) @binding(1) var<storage, read> weight: array<f32>;

// Zero past the last row and k.
fn load_weight(work: Work, row: u32, k: u32) -> f32 {
  let place = weight_place(work, row, k);
  let exists = row < params.rows && k < work.count && place != 0xffffffffu;
  let at = select(0u, place, exists);
  let keep = !MASK || mask_bits(mask[mask_word(at)], at) != 0u;
  var found = 1.0;
  if (WEIGHT_AS != ONE) { found = weight[at]; }
  if (WEIGHT_AS == SQUARE) { found *= found; }
  return select(0.0, found, exists && keep);
}
