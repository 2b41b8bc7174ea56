// Embedding: x[row, :] = table[token(row), :] · scale
//
// One workgroup per row; its invocations stride over the row in chunks of eight values.
// A row whose token is SAMPLED takes the token that the sampler drew last, so a decode step
// can be submitted before the CPU knows what it continues.
// A table too large for one binding comes in parts, one dispatch each: rows whose token lies in
// another part are left alone.
//
// Comes after shared/step.wgsl, shared/weights.wgsl.

const SAMPLED = 0xffffffffu;

struct Params {
  chunks : u32,       // hidden_size / 8, rounded up: rows of the table and of x are padded with zeros
  vocab_size : u32,
  first_token : u32,  // of the part
  token_count : u32,
  scale : f32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> sampled : array<u32>;      // [1]
@group(0) @binding(3) var<storage, read> weight : array<vec4u>;     // [token_count, chunks * 8] in weight_format
@group(0) @binding(4) var<storage, read> scales : array<u32>;       // [token_count, chunks / 4] pairs of f16: scale, offset
@group(0) @binding(5) var<storage, read_write> x : array<vec4f>;    // [rows, chunks * 8]

override workgroup_size = 64u;

@compute @workgroup_size(workgroup_size)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let row = workgroup.x;
  let asked = step.rows[row].token;
  let token = min(select(asked, sampled[0], asked == SAMPLED), params.vocab_size - 1u);
  if (token < params.first_token || token - params.first_token >= params.token_count) { return; }
  let table_row = (token - params.first_token) * params.chunks;
  for (var chunk = lane; chunk < params.chunks; chunk += workgroup_size) {
    let values = weights_at(table_row + chunk);
    let to = (row * params.chunks + chunk) * 2u;
    x[to] = values.low * params.scale;
    x[to + 1u] = values.high * params.scale;
  }
}
