// Draws the next token from the logits of one row, without sorting the vocabulary:
//   1. repetition penalty: logits of tokens seen before are divided (positive) or multiplied (negative)
//   2. bias: added to each logit; every token drawn lowers its own by the frequency penalty, and the first time by the
//      presence penalty
//   3. mask: tokens that are not allowed are left out
//   4. temperature: a = logit / temperature; 0 takes the largest logit, the lowest token on ties
//   5. top-k: keep a >= the k-th largest (0: all)
//   6. top-p: of the rest, keep the likeliest whose probabilities reach p, ties kept (1: all)
//   7. min-p: keep probability >= min_p · the largest (0: all)
//   8. Gumbel-max: argmax of a + noise(seed, draw, token) over what was kept
// sample-scan.wgsl and sample-gather.wgsl have passed over the logits, in many workgroups, and left the few tokens
// that can still be drawn: `candidates`. Each filter is a threshold on a. The k-th largest and the edge of top-p are
// found by radix select over the bits of a, eight at a time, with a histogram of counts or of probabilities in fixed
// point: integer sums, so the same seed gives the same token whatever order the candidates are in.
//
// One workgroup; its invocations stride over the candidates. Logits of which nothing can be drawn give NO_TOKEN.
//
// Comes after shared/step.wgsl, shared/best.wgsl, shared/sampling.wgsl.

struct Params { vocab_size : u32 }

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> settings : Sampler;
@group(0) @binding(3) var<storage, read> blocks : array<Block>;              // [vocab_size / SAMPLE_BLOCK]
@group(0) @binding(4) var<storage, read_write> candidates : Candidates;
@group(0) @binding(5) var<storage, read_write> marks : array<u32>;           // [3][vocab_size / 32]
@group(0) @binding(6) var<storage, read_write> bias : array<f32>;            // [vocab_size]
@group(0) @binding(7) var<storage, read_write> sampled : array<u32>;         // [1]

const ONE = 2147483648.0; // probability 1 in fixed point
const BINS = 256u;
const GROUP_BINS = 16u;

var<workgroup> histogram : array<atomic<u32>, BINS>;
var<workgroup> group_sums : array<u32, GROUP_BINS>;
var<workgroup> chosen_prefix : u32;
var<workgroup> still_wanted : u32;
var<workgroup> total_kept : atomic<u32>;
var<workgroup> is_broken : atomic<u32>;

@compute @workgroup_size(sample_lanes)
fn main(@builtin(local_invocation_index) lane : u32) {
  let block_count = (params.vocab_size + SAMPLE_BLOCK - 1u) / SAMPLE_BLOCK;
  var best = Best(LEAST, NO_TOKEN);
  for (var i = lane; i < block_count; i += sample_lanes) {
    best = better(best, Best(blocks[i].best, blocks[i].token));
    if (blocks[i].is_broken != 0u) { atomicStore(&is_broken, 1u); }
  }
  let largest = workgroup_best(best, lane);
  var drawn = largest.token;

  if (settings.temperature > 0.0) {
    var lowest = 0u; // the least key that is kept
    if (has_filters(params.vocab_size)) { lowest = least_kept(largest.value, block_count, lane); }
    best = Best(LEAST, NO_TOKEN);
    let count = atomicLoad(&candidates.count);
    for (var i = lane; i < count; i += sample_lanes) {
      let value = bitcast<f32>(candidates.list[i].x);
      let token = candidates.list[i].y;
      if (key_of(value) < lowest || exp(value - largest.value) < settings.min_p) { continue; }
      best = better(best, Best(value + gumbel(token), token));
    }
    drawn = workgroup_best(best, lane).token;
  }

  if (lane == 0u) {
    if (atomicLoad(&is_broken) != 0u) { drawn = NO_TOKEN; }
    sampled[0] = drawn;
    if (drawn != NO_TOKEN) { note_drawn(drawn); }
  }
}

fn note_drawn(token : u32) {
  if (settings.has_bias != 0u) {
    let is_first = !is_marked(DRAWN, token, params.vocab_size);
    bias[token] -= settings.frequency_penalty + select(0.0, settings.presence_penalty, is_first);
  }
  let bit = 1u << (token % 32u);
  marks[mark_word(SEEN, token, params.vocab_size)] |= bit;
  marks[mark_word(DRAWN, token, params.vocab_size)] |= bit;
}

// The least key that top-k and top-p keep.
fn least_kept(largest : f32, block_count : u32, lane : u32) -> u32 {
  var lowest = 0u;
  var total = 0.0;
  if (settings.top_k > 0u && settings.top_k < params.vocab_size) {
    lowest = radix_select(lowest, settings.top_k, 0.0, 0.0, lane);
    if (settings.top_p < 1.0) { total = kept_total(lowest, largest, lane); }
  } else {
    var sum = 0.0;
    for (var i = lane; i < block_count; i += sample_lanes) { sum += blocks[i].sum * exp(blocks[i].best - largest); }
    total = workgroup_total(sum, lane);
  }
  if (settings.top_p < 1.0) {
    lowest = max(lowest, radix_select(lowest, max(1u, u32(settings.top_p * ONE)), largest, total, lane));
  }
  return lowest;
}

// Σ exp(a − largest) over the kept candidates, the same in every invocation; in fixed point, for they have no order.
fn kept_total(lowest : u32, largest : f32, lane : u32) -> f32 {
  let count = atomicLoad(&candidates.count);
  let one = ONE / f32(max(1u, count));
  for (var i = lane; i < count; i += sample_lanes) {
    let value = bitcast<f32>(candidates.list[i].x);
    if (key_of(value) >= lowest) { atomicAdd(&total_kept, u32(exp(value - largest) * one)); }
  }
  workgroupBarrier();
  return f32(atomicLoad(&total_kept)) / one;
}

// The key of the candidate at which the kept ones, counted from the largest down, reach `wanted`.
// Counts one a token when total is 0, else its probability exp(a − largest) / total in fixed point.
fn radix_select(lowest : u32, wanted : u32, largest : f32, total : f32, lane : u32) -> u32 {
  let count = atomicLoad(&candidates.count);
  if (lane == 0u) {
    chosen_prefix = 0u;
    still_wanted = wanted;
  }
  for (var level = 0u; level < 4u; level++) {
    let shift = 24u - 8u * level;
    for (var bin = lane; bin < BINS; bin += sample_lanes) { atomicStore(&histogram[bin], 0u); }
    workgroupBarrier();
    let prefix = chosen_prefix;
    for (var i = lane; i < count; i += sample_lanes) {
      let value = bitcast<f32>(candidates.list[i].x);
      let key = key_of(value);
      if (key < lowest || !same_above(key, prefix, shift)) { continue; }
      var weight = 1u;
      if (total > 0.0) { weight = u32(exp(value - largest) / total * ONE); }
      atomicAdd(&histogram[(key >> shift) & 255u], weight);
    }
    workgroupBarrier();
    choose_bin(prefix, shift, lane);
    workgroupBarrier();
  }
  return chosen_prefix;
}

// Adds the bin to the prefix at which the histogram, summed from the last bin down, reaches what is still wanted; the
// first bin if none does. A lane sums sixteen bins, and the one whose bins reach it looks for the bin among them.
fn choose_bin(prefix : u32, shift : u32, lane : u32) {
  var own = 0u;
  if (lane < GROUP_BINS) {
    for (var i = 0u; i < GROUP_BINS; i++) { own += atomicLoad(&histogram[lane * GROUP_BINS + i]); }
    group_sums[lane] = own;
  }
  workgroupBarrier();
  let wanted = still_wanted;
  workgroupBarrier();
  if (lane >= GROUP_BINS) { return; }
  var above = 0u;
  for (var i = 0u; i < GROUP_BINS; i++) { above += select(0u, group_sums[i], i > lane); }
  let is_reached = above < wanted && above + own >= wanted;
  if (!is_reached && !(lane == 0u && above + own < wanted)) { return; }
  var bin = lane * GROUP_BINS;
  var is_found = false;
  for (var i = 0u; i < GROUP_BINS; i++) {
    let at = lane * GROUP_BINS + GROUP_BINS - 1u - i;
    let here = atomicLoad(&histogram[at]);
    if (!is_found && (above + here >= wanted || i == GROUP_BINS - 1u)) {
      is_found = true;
      bin = at;
    }
    if (!is_found) { above += here; }
  }
  chosen_prefix = prefix | (bin << shift);
  still_wanted = wanted - min(above, wanted);
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
