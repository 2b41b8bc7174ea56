// The second of the sampler's two passes over the logits: lists the tokens that can still be drawn. Without top-k and
// top-p that is one a workgroup, the best after noise; with them, all that may be kept and may win:
//   - Gumbel noise lies between −2.9 and 16.7, so a token 20 below the largest never wins, and the largest is kept
//   - top-k: k blocks have a logit as large as the k-th of their largest ones; so have the k largest of all
//   - top-p: tokens with less than (1 − p) / (2 · vocabulary) hold less than 1 − p in all, so the likeliest reach p
//     without them
//
// A workgroup takes four blocks; its invocations stride over them.
//
// Comes after shared/step.wgsl, shared/best.wgsl, shared/sampling.wgsl.

struct Params { vocab_size : u32 }

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> settings : Sampler;
@group(0) @binding(3) var<storage, read> logits : array<f32>;           // [vocab_size]
@group(0) @binding(4) var<storage, read> marks : array<u32>;            // [3][vocab_size / 32]
@group(0) @binding(5) var<storage, read> bias : array<f32>;             // [vocab_size]
@group(0) @binding(6) var<storage, read> blocks : array<Block>;         // [vocab_size / SAMPLE_BLOCK]
@group(0) @binding(7) var<storage, read_write> candidates : Candidates; // up to vocab_size

const LOGITS = 4u * SAMPLE_BLOCK;
const MOST_RANKED = 256u;
const CANNOT_WIN = -20.0;

var<workgroup> largest_of_blocks : array<f32, MOST_RANKED>;
var<workgroup> kth : f32;

@compute @workgroup_size(sample_lanes)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  if (settings.temperature <= 0.0) { return; }
  let block_count = (params.vocab_size + SAMPLE_BLOCK - 1u) / SAMPLE_BLOCK;
  var mine = Best(LEAST, NO_TOKEN);
  for (var i = lane; i < block_count; i += sample_lanes) { mine = better(mine, Best(blocks[i].best, blocks[i].token)); }
  let largest = workgroup_best(mine, lane).value;
  let filters = has_filters(params.vocab_size);
  var lowest = LEAST;
  if (filters) { lowest = lowest_candidate(largest, block_count, lane); }

  var best = Best(LEAST, NO_TOKEN);
  var best_value = LEAST;
  for (var i = 0u; i < LOGITS / sample_lanes; i++) {
    let token = workgroup.x * LOGITS + i * sample_lanes + lane;
    if (!is_allowed(token, params.vocab_size)) { continue; }
    let a = adjusted(logits[token], token, params.vocab_size);
    if (filters) {
      if (a >= lowest) { add(a, token); }
    } else if (exp(a - largest) >= settings.min_p) {
      let noisy = a + gumbel(token);
      if (noisy > best.value) {
        best = Best(noisy, token);
        best_value = a;
      }
    }
  }
  if (!filters) {
    let winner = workgroup_best(best, lane).token;
    if (winner != NO_TOKEN && winner == best.token) { add(best_value, winner); }
  }
}

fn add(a : f32, token : u32) {
  candidates.list[atomicAdd(&candidates.count, 1u)] = vec2u(bitcast<u32>(a), token);
}

// No token below this can be drawn, or changes what can.
fn lowest_candidate(largest : f32, block_count : u32, lane : u32) -> f32 {
  let lowest = largest + CANNOT_WIN;
  if (wants_total(params.vocab_size)) {
    var sum = 0.0;
    for (var i = lane; i < block_count; i += sample_lanes) { sum += blocks[i].sum * exp(blocks[i].best - largest); }
    let total = workgroup_total(sum, lane);
    return max(lowest, largest + log(max(1e-9, 0.5 * (1.0 - settings.top_p) * total / f32(params.vocab_size))));
  }
  let ranked = min(block_count, MOST_RANKED);
  if (settings.top_k > ranked) { return lowest; }
  if (lane == 0u) { kth = LEAST; }
  for (var i = lane; i < ranked; i += sample_lanes) { largest_of_blocks[i] = blocks[i].best; }
  workgroupBarrier();
  for (var i = lane; i < ranked; i += sample_lanes) {
    let own = largest_of_blocks[i];
    var above = 0u; // ranks are distinct: of equal ones the first counts as larger
    for (var other = 0u; other < ranked; other++) {
      let value = largest_of_blocks[other];
      above += select(0u, 1u, value > own || (value == own && other < i));
    }
    if (above == settings.top_k - 1u) { kth = own; }
  }
  workgroupBarrier();
  return max(lowest, workgroupUniformLoad(&kth));
}
