// The first of the sampler's two passes over the logits: of each block of them, the largest after penalties, bias
// and temperature, its token, and Σ exp(a − largest). Greedy decoding needs no more.
//
// One workgroup per block; its invocations stride over it.
//
// If a logit is NaN or +∞, or all are −∞, nothing can be drawn. WGSL may assume that such values don't occur, so they
// are detected by their bits.
//
// Comes after shared/step.wgsl, shared/best.wgsl, shared/sampling.wgsl.

struct Params { vocab_size : u32 }

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> settings : Sampler;
@group(0) @binding(3) var<storage, read> logits : array<f32>;                 // [vocab_size]
@group(0) @binding(4) var<storage, read> marks : array<u32>;                  // [3][vocab_size / 32]
@group(0) @binding(5) var<storage, read> bias : array<f32>;                   // [vocab_size]
@group(0) @binding(6) var<storage, read_write> blocks : array<Block>;         // [vocab_size / SAMPLE_BLOCK]
@group(0) @binding(7) var<storage, read_write> candidates : Candidates;       // emptied

var<workgroup> broken : atomic<u32>;

@compute @workgroup_size(sample_lanes)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  var best = Best(LEAST, NO_TOKEN);
  var sum = 0.0; // Σ exp(a − best.value)
  for (var i = 0u; i < SAMPLE_BLOCK / sample_lanes; i++) {
    let token = workgroup.x * SAMPLE_BLOCK + i * sample_lanes + lane;
    if (token < params.vocab_size) {
      let logit = logits[token];
      if (is_nan_or_infinity(logit)) { atomicStore(&broken, 1u); }
      if (!is_allowed(token, params.vocab_size)) { continue; }
      let value = adjusted(logit, token, params.vocab_size);
      let before = best.value;
      if (value > before) { best = Best(value, token); }
      sum = sum * exp(before - best.value) + exp(value - best.value);
    }
  }
  let all = workgroup_best(best, lane);
  var total = 0.0;
  if (wants_total(params.vocab_size)) { total = workgroup_total(sum * exp(best.value - all.value), lane); }
  if (lane == 0u) {
    blocks[workgroup.x] = Block(all.value, all.token, total, atomicLoad(&broken));
    if (workgroup.x == 0u) { atomicStore(&candidates.count, 0u); }
  }
}

fn is_nan_or_infinity(logit : f32) -> bool {
  let bits = bitcast<u32>(logit);
  return (bits & 0x7f800000u) == 0x7f800000u && bits != 0xff800000u; // −∞ is a probability of 0
}
