// The first of two passes that read log-probabilities: of each block of logits the largest, Σ exp(x − largest), and its
// `top_count` likeliest tokens in falling order, the lowest token first on ties.
//
// One workgroup per block; its invocations stride over it.
//
// Comes after shared/best.wgsl, shared/logprobs.wgsl.

struct Params { vocab_size : u32, top_count : u32 }

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(1) var<storage, read> logits : array<f32>;            // [vocab_size]
@group(0) @binding(2) var<storage, read_write> tops : array<TopBlock>;   // [vocab_size / SAMPLE_BLOCK]

var<workgroup> values : array<f32, SAMPLE_BLOCK>;

@compute @workgroup_size(sample_lanes)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let first = workgroup.x * SAMPLE_BLOCK;
  let count = min(SAMPLE_BLOCK, params.vocab_size - first);
  for (var i = lane; i < count; i += sample_lanes) { values[i] = logits[first + i]; }
  workgroupBarrier();

  var own = Best(LEAST, NO_TOKEN);
  for (var i = lane; i < count; i += sample_lanes) { own = better(own, Best(values[i], first + i)); }
  let largest = workgroup_best(own, lane);
  var sum = 0.0;
  for (var i = lane; i < count; i += sample_lanes) { sum += exp(values[i] - largest.value); }
  sum = workgroup_total(sum, lane);
  if (lane == 0u) {
    tops[workgroup.x].best = largest.value;
    tops[workgroup.x].sum = sum;
  }

  var last = largest;
  for (var place = 0u; place < params.top_count; place++) {
    if (place > 0u) {
      var next = Best(LEAST, NO_TOKEN);
      for (var i = lane; i < count; i += sample_lanes) {
        let one = Best(values[i], first + i);
        if (comes_after(one, last)) { next = better(next, one); }
      }
      last = workgroup_best(next, lane);
    }
    if (lane == 0u) { tops[workgroup.x].list[place] = vec2u(bitcast<u32>(last.value), last.token); }
  }
}
