// RoPE: elements i and i + rotary_dim / 2 of a head are a pair, turned by an angle that grows with the position;
// the rest of the head, from rotary_dim on, is not turned.
// Reads this buffer of the kernel, made in src/model/network/rope.ts:
//   rope : array<vec2f>, cos and sin of [FINE positions, then coarse ones in steps of FINE][rotary_dim / 2]

const FINE = 256u;
override rotary_dim = 32u; // a multiple of 8, at most head_dim

// cos and sin of pair i at a position: the coarse rotation times the fine one.
fn rotation(position : u32, i : u32) -> vec2f {
  let fine = rope[(position % FINE) * (rotary_dim / 2u) + i];
  let coarse = rope[(FINE + position / FINE) * (rotary_dim / 2u) + i];
  return vec2f(coarse.x * fine.x - coarse.y * fine.y, coarse.y * fine.x + coarse.x * fine.y);
}

struct Rotations { cosine : vec4f, sine : vec4f }

// Those of four neighbouring pairs, from pair `first` on.
fn rotations(position : u32, first : u32) -> Rotations {
  var four : Rotations;
  for (var c = 0u; c < 4u; c++) {
    let one = rotation(position, first + c);
    four.cosine[c] = one.x;
    four.sine[c] = one.y;
  }
  return four;
}
