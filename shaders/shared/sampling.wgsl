// What the three kernels of the sampler share: the draw itself, as sample.wgsl describes it, and what they hand on.
// Reads these buffers of the kernel:
//   settings : Sampler
//   marks : array<u32>, [3][vocab_size / 32], a bit a token: SEEN, DRAWN, ALLOWED
//   bias : array<f32>, [vocab_size]: what is added to logits, if has_bias
//   blocks : array<Block>, of SAMPLE_BLOCK logits each, from sample-scan.wgsl
//   candidates : Candidates, from sample-gather.wgsl

// Rows of `marks`.
const SEEN = 0u;    // in the chat: the repetition penalty applies
const DRAWN = 1u;   // in this reply: its presence penalty is in the bias
const ALLOWED = 2u; // may be drawn, if has_mask

// The settings of a reply, written by src/model/network/sampler-buffer.ts.
struct Sampler {
  seed : u32,
  temperature : f32,
  top_k : u32,
  top_p : f32,
  min_p : f32,
  repetition_penalty : f32,
  presence_penalty : f32,
  frequency_penalty : f32,
  has_bias : u32, // whether `bias` is added to the logits
  has_mask : u32, // whether only tokens marked ALLOWED are drawn
}

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

// The word of `marks` with a token's bit.
fn mark_word(kind : u32, token : u32, vocab_size : u32) -> u32 {
  return kind * ((vocab_size + 31u) / 32u) + token / 32u;
}

fn is_marked(kind : u32, token : u32, vocab_size : u32) -> bool {
  return ((marks[mark_word(kind, token, vocab_size)] >> (token % 32u)) & 1u) == 1u;
}

// Whether a token may be drawn at all.
fn is_allowed(token : u32, vocab_size : u32) -> bool {
  return token < vocab_size && (settings.has_mask == 0u || is_marked(ALLOWED, token, vocab_size));
}

// A logit after penalties, bias and temperature.
fn adjusted(logit : f32, token : u32, vocab_size : u32) -> f32 {
  var a = logit;
  if (settings.repetition_penalty != 1.0 && is_marked(SEEN, token, vocab_size)) {
    a = select(a * settings.repetition_penalty, a / settings.repetition_penalty, a > 0.0);
  }
  if (settings.has_bias != 0u) { a += bias[token]; }
  return select(a, a / settings.temperature, settings.temperature > 0.0);
}

// Whether tokens are left out by more than their own value and the largest one.
fn has_filters(vocab_size : u32) -> bool {
  return (settings.top_k > 0u && settings.top_k < vocab_size) || settings.top_p < 1.0;
}

fn gumbel(token : u32) -> f32 {
  let hash = mix_bits(token ^ mix_bits(step.draw ^ mix_bits(settings.seed)));
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

// Whether Σ exp(a − largest) over all logits is asked for.
fn wants_total(vocab_size : u32) -> bool {
  return settings.top_p < 1.0 && (settings.top_k == 0u || settings.top_k >= vocab_size);
}
