// What thresholds keep of their rows: ratio(r) = max(sigmoid(thresholds[r]), least[r]), all of them where there is no threshold. The importer binds both.
#import none
#import sigmoid

// `share` of all parameters is the layer's; rows and columns name the thresholds over its outputs and inputs.
struct Layer { share: f32, rows: u32, columns: u32 }

fn ratio(r: u32) -> f32 {
  if (r == NONE) { return 1.0; }
  return max(sigmoid(thresholds[r]), least[r]);
}
