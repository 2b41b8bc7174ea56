// The second of two passes that read log-probabilities: of the token that was drawn and of the `top_count` likeliest,
// log p = x − log Σ exp(x) over the whole vocabulary, from the model's own logits: before penalties, bias, mask and
// temperature, as vLLM reports them.
//
// One workgroup; its invocations stride over the blocks of logprobs-scan.wgsl and their lists.
//
// Comes after shared/best.wgsl, shared/logprobs.wgsl.

struct Params { vocab_size : u32, top_count : u32 }

struct Logprobs {
  drawn : f32, // log p of the token drawn; of NO_TOKEN, 0
  list : array<vec2u, MOST_TOP>, // bits of log p, token; falling. NO_TOKEN where there are fewer
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(1) var<storage, read> logits : array<f32>;          // [vocab_size]
@group(0) @binding(2) var<storage, read> tops : array<TopBlock>;       // [vocab_size / SAMPLE_BLOCK]
@group(0) @binding(3) var<storage, read> sampled : array<u32>;         // [1]
@group(0) @binding(4) var<storage, read_write> logprobs : Logprobs;

@compute @workgroup_size(sample_lanes)
fn main(@builtin(local_invocation_index) lane : u32) {
  let blocks = (params.vocab_size + SAMPLE_BLOCK - 1u) / SAMPLE_BLOCK;
  var own = Best(LEAST, NO_TOKEN);
  for (var i = lane; i < blocks; i += sample_lanes) { own = better(own, Best(tops[i].best, i)); }
  let largest = workgroup_best(own, lane).value;
  var sum = 0.0;
  for (var i = lane; i < blocks; i += sample_lanes) { sum += tops[i].sum * exp(tops[i].best - largest); }
  let total = largest + log(workgroup_total(sum, lane));

  if (lane == 0u) {
    let token = sampled[0];
    logprobs.drawn = 0.0;
    if (token < params.vocab_size) { logprobs.drawn = logits[token] - total; }
  }

  var last = Best(-LEAST, 0u);
  for (var place = 0u; place < params.top_count; place++) {
    var next = Best(LEAST, NO_TOKEN);
    for (var i = lane; i < blocks * params.top_count; i += sample_lanes) {
      let entry = tops[i / params.top_count].list[i % params.top_count];
      let one = Best(bitcast<f32>(entry.x), entry.y);
      if (comes_after(one, last)) { next = better(next, one); }
    }
    last = workgroup_best(next, lane);
    if (lane == 0u) { logprobs.list[place] = vec2u(bitcast<u32>(last.value - total), last.token); }
  }
}
