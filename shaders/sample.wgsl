// Draws the next token from the logits of one row, without sorting the vocabulary:
//   1. repetition penalty: logits of tokens seen before are divided (positive) or multiplied (negative)
//   2. temperature: a = logit / temperature; 0 takes the largest logit, the lowest token on ties
//   3. top-k: keep a >= the k-th largest (0: all)
//   4. top-p: of the rest, keep the likeliest whose probabilities reach p, ties kept (1: all)
//   5. min-p: keep probability >= min_p · the largest (0: all)
//   6. Gumbel-max: argmax of a + noise(seed, draw, token) over what was kept
// Each filter is a threshold on a. The k-th largest and the edge of top-p are found by radix select
// over the bits of a, eight at a time, with a histogram of counts or of probabilities in fixed point:
// integer sums, so the same seed gives the same token whatever order the invocations run in.
//
// If a logit is NaN or +∞, or all are −∞, nothing can be drawn: the result is NO_TOKEN. WGSL may assume that such
// values don't occur, so they are detected by their bits.
//
// One workgroup; its invocations stride over the vocabulary.
//
// Comes after shared/step.wgsl.

struct Params { vocab_size : u32 }

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> logits : array<f32>;        // [vocab_size]
@group(0) @binding(3) var<storage, read_write> seen : array<u32>;    // [vocab_size / 32]: a bit a token
@group(0) @binding(4) var<storage, read_write> sampled : array<u32>; // [1]

const LANES = 256u;
const NO_TOKEN = 0xffffffffu;
const ONE = 2147483648.0; // probability 1 in fixed point

var<workgroup> best_values : array<f32, LANES>;
var<workgroup> best_tokens : array<u32, LANES>;
var<workgroup> histogram : array<atomic<u32>, 256>;
var<workgroup> chosen_prefix : u32;
var<workgroup> still_wanted : u32;
var<workgroup> is_broken : atomic<u32>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane : u32) {
  // The largest logit, and its token.
  var best = -3.4e38;
  var token = NO_TOKEN;
  for (var i = lane; i < params.vocab_size; i += LANES) {
    if (is_nan_or_infinity(logits[i])) { atomicStore(&is_broken, 1u); }
    let value = adjusted(i);
    if (value > best) { best = value; token = i; }
  }
  let largest = reduce_best(best, token, lane);

  if (step.temperature > 0.0) {
    var lowest = 0u; // the least key that is kept
    if (step.top_k > 0u && step.top_k < params.vocab_size) {
      lowest = radix_select(lowest, step.top_k, 0.0, 0.0, lane);
    }
    if (step.top_p < 1.0) {
      let total = kept_total(lowest, largest, lane);
      lowest = max(lowest, radix_select(lowest, u32(step.top_p * ONE), largest, total, lane));
    }
    best = -3.4e38;
    token = NO_TOKEN;
    for (var i = lane; i < params.vocab_size; i += LANES) {
      let value = adjusted(i);
      if (key_of(value) < lowest || exp(value - largest) < step.min_p) { continue; }
      let noisy = value + gumbel(i);
      if (noisy > best) { best = noisy; token = i; }
    }
    reduce_best(best, token, lane);
  }

  if (lane == 0u) {
    let drawn = select(best_tokens[0], NO_TOKEN, atomicLoad(&is_broken) == 1u);
    sampled[0] = drawn;
    if (drawn != NO_TOKEN) { seen[drawn / 32u] |= 1u << (drawn % 32u); }
  }
}

fn is_nan_or_infinity(logit : f32) -> bool {
  let bits = bitcast<u32>(logit);
  return (bits & 0x7f800000u) == 0x7f800000u && bits != 0xff800000u; // −∞ is a probability of 0
}

// A logit after repetition penalty and temperature.
fn adjusted(i : u32) -> f32 {
  var logit = logits[i];
  if (((seen[i / 32u] >> (i % 32u)) & 1u) == 1u) {
    logit = select(logit * step.repetition_penalty, logit / step.repetition_penalty, logit > 0.0);
  }
  return select(logit, logit / step.temperature, step.temperature > 0.0);
}

// The largest value of all invocations, the lowest token on ties; the token is left in best_tokens[0].
fn reduce_best(value : f32, token : u32, lane : u32) -> f32 {
  workgroupBarrier();
  best_values[lane] = value;
  best_tokens[lane] = token;
  workgroupBarrier();
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) {
      let other = best_values[lane + stride];
      let other_token = best_tokens[lane + stride];
      if (other > best_values[lane] || (other == best_values[lane] && other_token < best_tokens[lane])) {
        best_values[lane] = other;
        best_tokens[lane] = other_token;
      }
    }
    workgroupBarrier();
  }
  return best_values[0];
}

// Σ exp(a − largest) over the kept tokens, the same in every invocation.
fn kept_total(lowest : u32, largest : f32, lane : u32) -> f32 {
  var sum = 0.0;
  for (var i = lane; i < params.vocab_size; i += LANES) {
    let value = adjusted(i);
    if (key_of(value) >= lowest) { sum += exp(value - largest); }
  }
  workgroupBarrier();
  best_values[lane] = sum;
  workgroupBarrier();
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) { best_values[lane] += best_values[lane + stride]; }
    workgroupBarrier();
  }
  return best_values[0];
}

// The key of the token at which the kept ones, counted from the largest down, reach `wanted`.
// Counts one a token when total is 0, else its probability exp(a − largest) / total in fixed point.
fn radix_select(lowest : u32, wanted : u32, largest : f32, total : f32, lane : u32) -> u32 {
  if (lane == 0u) {
    chosen_prefix = 0u;
    still_wanted = wanted;
  }
  for (var step_bits = 0u; step_bits < 32u; step_bits += 8u) {
    let shift = 24u - step_bits;
    atomicStore(&histogram[lane], 0u);
    workgroupBarrier();
    let prefix = chosen_prefix;
    for (var i = lane; i < params.vocab_size; i += LANES) {
      let value = adjusted(i);
      let key = key_of(value);
      if (key < lowest || !same_above(key, prefix, shift)) { continue; }
      var weight = 1u;
      if (total > 0.0) { weight = u32(exp(value - largest) / total * ONE); }
      atomicAdd(&histogram[(key >> shift) & 255u], weight);
    }
    workgroupBarrier();
    if (lane == 0u) {
      var bin = 255u;
      var above = 0u;
      loop {
        let here = atomicLoad(&histogram[bin]);
        if (above + here >= still_wanted || bin == 0u) { break; }
        above += here;
        bin--;
      }
      chosen_prefix = prefix | (bin << shift);
      still_wanted -= min(above, still_wanted);
    }
    workgroupBarrier();
  }
  return chosen_prefix;
}

// Whether a key agrees with the prefix in the bits above the eight at `shift`.
fn same_above(key : u32, prefix : u32, shift : u32) -> bool {
  if (shift == 24u) { return true; }
  return (key >> (shift + 8u)) == (prefix >> (shift + 8u));
}

// The bits of a float in an order that compares as the floats do.
fn key_of(value : f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
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
