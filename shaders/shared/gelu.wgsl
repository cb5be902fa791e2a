// gelu(x) = x * cdf(x) with the cdf of the standard normal distribution, and its derivatives cdf(x) + x * pdf(x) and (2 - x^2) * pdf(x).
// Both approximations are of the tail, 1 - cdf(a) for a >= 0, so that nothing cancels far out on the left.
#import value

const FAR = 7.9; // just before the polynomial's root: the tail ends at 4e-22

// The tail is the eighth power of a polynomial, as its eighth root is smooth: cheaper than with an exponential. Minimax fit on 0 to 6: absolute
// error 4.4e-8, relative error 1.1e-4 up to 5. With f32's roundings gelu is off by 2.4e-7 at most.
fn gelu(x: Value) -> Value {
  let a = min(abs(x), Value(FAR));
  let square = a * a;
  let odd = -0.0914577842 + square * (-6.73637318e-4 + square * (3.41281557e-5 + square * 7.51254629e-6));
  let even = -0.0319268554 + square * (0.00150536676 + square * (-6.03322333e-5 + square * -2.99402757e-7));
  let root = 0.917004049 + a * (odd + a * even);
  let root2 = root * root;
  let root4 = root2 * root2;
  return select(x, Value(), x < Value()) - a * (root4 * root4);
}

// The gradient needs exp(-x^2 / 2) anyway, and with it Abramowitz & Stegun 7.1.26 is the cheaper one: erfc(z) = exp(-z^2) * (a1 t + ... + a5 t^5)
// with t = 1 / (1 + p z) for z = |x| / sqrt(2), absolute error 1.5e-7; the numbers below are a / 2 and p / sqrt(2).
fn gelu_gradient(x: Value) -> Value {
  let bell = exp(-0.5 * x * x);
  let t = 1.0 / (1.0 + 0.23164190 * abs(x));
  let tail = bell * t * (0.127414796 + t * (-0.142248368 + t * (0.7107068705 + t * (-0.7265760135 + t * 0.5307027145))));
  return select(tail, 1.0 - tail, x > Value()) + 0.3989422804 * x * bell;
}

// pdf(x) * (2 - x^2), which is 0 in f32 long before the square could overflow.
fn gelu_curvature(x: Value) -> Value {
  let square = min(x * x, Value(200.0));
  return 0.3989422804 * exp(-0.5 * square) * (2.0 - square);
}
