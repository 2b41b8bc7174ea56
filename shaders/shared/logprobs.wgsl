// What the two kernels of log-probabilities share.

const MOST_TOP = 20u;

struct TopBlock {
  best : f32, // the largest logit
  sum : f32,  // Σ exp(x − best)
  list : array<vec2u, MOST_TOP>, // bits of a logit, token; falling
}

// Whether a follows b where the largest are taken one by one.
fn comes_after(a : Best, b : Best) -> bool {
  return a.value < b.value || (a.value == b.value && a.token > b.token);
}
