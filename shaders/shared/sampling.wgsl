// What the three kernels of the sampler share: the draw itself, as sample.wgsl describes it, and what they hand on.
// Reads these buffers of the kernel:
//   blocks : array<Block>, of SAMPLE_BLOCK logits each, from sample-scan.wgsl
//   candidates : Candidates, from sample-gather.wgsl

const SAMPLE_BLOCK = 1024u;
const NO_TOKEN = 0xffffffffu;
const LEAST = -3.4e38;

// A power of two, at least 16. On software adapters barriers cost more the more invocations meet them.
override sample_lanes = 256u;

struct Block {
  best : f32,      // the largest adjusted logit, the lowest token on ties
  token : u32,
  sum : f32,       // Σ exp(a − best), if it is asked for
  is_broken : u32, // whether a logit is NaN or +∞
}

// The tokens that can still be drawn.
struct Candidates {
  count : atomic<u32>,
  list : array<vec2u>, // bits of the adjusted logit, token; in no order
}

// A logit after repetition penalty and temperature.
fn adjusted(logit : f32, is_seen : bool) -> f32 {
  var a = logit;
  if (is_seen) { a = select(a * step.repetition_penalty, a / step.repetition_penalty, a > 0.0); }
  return select(a, a / step.temperature, step.temperature > 0.0);
}

// Whether tokens are left out by more than their own value and the largest one.
fn has_filters(vocab_size : u32) -> bool {
  return (step.top_k > 0u && step.top_k < vocab_size) || step.top_p < 1.0;
}

fn gumbel(token : u32) -> f32 {
  let hash = mix_bits(token ^ mix_bits(step.draw ^ mix_bits(step.seed)));
  let uniform_value = (f32(hash >> 9u) + 0.5) / 8388608.0;
  // −log(u): near 1, where the winners are, by its series, for WGSL's log is coarse there.
  let rest = 1.0 - uniform_value;
  let near_one = rest * (1.0 + rest * (0.5 + rest / 3.0));
  return -log(select(-log(uniform_value), near_one, rest < 0.01));
}

// The PCG output permutation of a 32-bit congruential step.
fn mix_bits(x : u32) -> u32 {
  let state = x * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

struct Best { value : f32, token : u32 }

var<workgroup> best_values : array<f32, sample_lanes>;
var<workgroup> best_tokens : array<u32, sample_lanes>;

fn better(a : Best, b : Best) -> Best {
  if (b.value > a.value || (b.value == a.value && b.token < a.token)) { return b; }
  return a;
}

// The largest value of all invocations, the lowest token on ties; the same in every invocation.
fn workgroup_best(mine : Best, lane : u32) -> Best {
  workgroupBarrier();
  best_values[lane] = mine.value;
  best_tokens[lane] = mine.token;
  workgroupBarrier();
  for (var stride = sample_lanes / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) {
      let joined = better(Best(best_values[lane], best_tokens[lane]),
                          Best(best_values[lane + stride], best_tokens[lane + stride]));
      best_values[lane] = joined.value;
      best_tokens[lane] = joined.token;
    }
    workgroupBarrier();
  }
  return Best(best_values[0], best_tokens[0]);
}

// Whether Σ exp(a − largest) over all logits is asked for.
fn wants_total(vocab_size : u32) -> bool {
  return step.top_p < 1.0 && (step.top_k == 0u || step.top_k >= vocab_size);
}

// Σ value over the workgroup, in an order that does not change; the same in every invocation.
fn workgroup_total(value : f32, lane : u32) -> f32 {
  workgroupBarrier();
  best_values[lane] = value;
  workgroupBarrier();
  for (var stride = sample_lanes / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) { best_values[lane] += best_values[lane + stride]; }
    workgroupBarrier();
  }
  return best_values[0];
}
