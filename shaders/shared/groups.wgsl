// Groups of 32 columns of quantised weights, a whole group at a time: each word is loaded once, and those of a row
// lie side by side.
//
// Comes after shared/weights.wgsl.

// Whether a format's weights are scale · quant + offset; the levels of IQ4 are looked up one by one.
fn has_groups() -> bool {
  return weight_format >= WEIGHT_Q2 && weight_format != WEIGHT_IQ4;
}

// Whether a group has a scale for each 16 columns.
fn has_two_scales() -> bool {
  return weight_format == WEIGHT_Q2 || weight_format == WEIGHT_Q3 || weight_format == WEIGHT_Q6;
}

struct Group {
  low : vec4u,
  low_end : vec4u, // of Q8: the last 16 quants
  high : vec2u,
  affine : vec2f,      // scale and offset of the first 16 columns, or of all
  affine_end : vec2f,  // of the last 16
}

fn group_at(i : u32) -> Group {
  var group : Group;
  if (weight_format == WEIGHT_Q8) {
    group.low = weight[i * 2u];
    group.low_end = weight[i * 2u + 1u];
    group.affine = unpack2x16float(scales[i]);
  } else if (weight_format == WEIGHT_Q2 || weight_format == WEIGHT_Q3) {
    let quad = weight[i / 2u];
    group.low = vec4u(select(quad.xy, quad.zw, i % 2u == 1u), 0u, 0u);
    let words = vec2u(scales[i * 2u], scales[i * 2u + 1u]);
    let pair = unpack2x16float(words.x);
    if (weight_format == WEIGHT_Q2) {
      group.affine = pair;
      group.affine_end = unpack2x16float(words.y);
    } else {
      group.high.x = words.y;
      group.affine = vec2f(pair.x, -4.0 * pair.x);
      group.affine_end = vec2f(pair.y, -4.0 * pair.y);
    }
  } else {
    group.low = weight[i];
    if (weight_format == WEIGHT_Q6) {
      let pair = unpack2x16float(scales[i * 3u]);
      group.high = vec2u(scales[i * 3u + 1u], scales[i * 3u + 2u]);
      group.affine = vec2f(pair.x, -32.0 * pair.x);
      group.affine_end = vec2f(pair.y, -32.0 * pair.y);
    } else if (weight_format == WEIGHT_Q5) {
      group.affine = unpack2x16float(scales[i * 2u]);
      group.high.x = scales[i * 2u + 1u];
    } else {
      group.affine = unpack2x16float(scales[i]);
    }
  }
  if (!has_two_scales()) { group.affine_end = group.affine; }
  return group;
}

// Four values of even columns, and four of odd ones.
struct EvenOdd { even : vec4f, odd : vec4f }

// What odd columns of group_quants are multiplied by: those of Q4 stay in the upper half of their bytes.
fn odd_factor() -> f32 {
  return select(1.0, 16.0, weight_format == WEIGHT_Q4);
}

// The quants of the group's chunk c, from 0 to 3.
fn group_quants(group : Group, c : u32) -> EvenOdd {
  if (weight_format == WEIGHT_Q8) {
    let words = select(group.low, group.low_end, c >= 2u);
    return even_odd(Eight(bytes_of(words[c % 2u * 2u]), bytes_of(words[c % 2u * 2u + 1u])));
  }
  if (weight_format == WEIGHT_Q4) {
    return EvenOdd(bytes_of(group.low[c] & 0x0f0f0f0fu), bytes_of(group.low[c] & 0xf0f0f0f0u));
  }
  var bytes : vec2u;
  if (weight_format == WEIGHT_Q5) { bytes = quant_bytes(group.low[c], group.high.x >> (c * 8u)); }
  else if (weight_format == WEIGHT_Q6) { bytes = quant_bytes(group.low[c], group.high[c / 2u] >> (c % 2u * 16u)); }
  else { bytes = quant_bytes(group.low[c / 2u] >> (c % 2u * 16u), group.high.x >> (c * 8u)); }
  return EvenOdd(bytes_of(bytes.x), bytes_of(bytes.y));
}

fn even_odd(eight : Eight) -> EvenOdd {
  return EvenOdd(vec4f(eight.low.xz, eight.high.xz), vec4f(eight.low.yw, eight.high.yw));
}
