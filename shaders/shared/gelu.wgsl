// gelu(x) = x * cdf(x) with the cdf of the standard normal distribution, and its derivatives cdf(x) + x * pdf(x) and (2 - x^2) * pdf(x).
// The cdf is Abramowitz & Stegun 7.1.26, erfc(z) = exp(-z^2) * (a1 t + ... + a5 t^5) with t = 1 / (1 + p z) for z = |x| / sqrt(2),
// absolute error 1.5e-7; the numbers below are a / 2 and p / sqrt(2). Taking erfc and not erf keeps the left tail free of cancellation.
#import value

struct Normal {
  cdf: Value,
  bell: Value // exp(-x^2 / 2)
}

fn normal(x: Value) -> Normal {
  let bell = exp(-0.5 * x * x);
  let t = 1.0 / (1.0 + 0.23164190 * abs(x));
  let tail = bell * t * (0.127414796 + t * (-0.142248368 + t * (0.7107068705 + t * (-0.7265760135 + t * 0.5307027145))));
  return Normal(select(tail, 1.0 - tail, x > Value(0.0)), bell);
}

fn gelu(x: Value) -> Value {
  return x * normal(x).cdf;
}

fn gelu_gradient(x: Value) -> Value {
  let at = normal(x);
  return at.cdf + 0.3989422804 * x * at.bell;
}

// pdf(x) * (2 - x^2), which is 0 in f32 long before the square could overflow.
fn gelu_curvature(x: Value) -> Value {
  let square = min(x * x, Value(200.0));
  return 0.3989422804 * exp(-0.5 * square) * (2.0 - square);
}
