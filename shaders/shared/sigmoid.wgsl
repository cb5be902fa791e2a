// 1 / (1 + exp(-x)). Past 80 either way it is 1 or vanishes in every sum, and exp stays finite.
fn sigmoid(x: f32) -> f32 {
  return 1.0 / (1.0 + exp(clamp(-x, -80.0, 80.0)));
}
