// LZMA, decoded (7-Zip's LZMA specification, 2015): browsers bring gzip only, which leaves the module a third larger.
// The bytes are the page's own; what does not decode to the module does not compile.

// `packed`: lc + 9 (lp + 5 pb), the length in four bytes, little-endian, then the stream.
function unpack(packed) {
  const [properties] = packed, out = new Uint8Array(new DataView(packed.buffer, packed.byteOffset).getUint32(1, true));
  const lc = properties % 9, lp = Math.floor(properties / 9) % 5, pb = Math.floor(properties / 45);
  let at = 5, range = 0xFFFFFFFF, code = 0;
  const next = () => { code = ((code << 8) | packed[at++]) >>> 0; };
  for (let i = 0; i < 5; i++) next();

  const chances = (n) => new Uint16Array(n).fill(1024);
  const shift = () => {
    if (range < 0x1000000) {
      range = (range << 8) >>> 0;
      next();
    }
  };
  const bit = (p, i) => {
    const bound = (range >>> 11) * p[i];
    const one = code >= bound;
    if (one) {
      range -= bound;
      code -= bound;
      p[i] -= p[i] >>> 5;
    } else {
      range = bound;
      p[i] += (2048 - p[i]) >>> 5;
    }
    shift();
    return one ? 1 : 0;
  };
  const direct = (n) => {
    let value = 0;
    while (n--) {
      range >>>= 1;
      const one = code >= range;
      if (one) code -= range;
      value = value * 2 + (one ? 1 : 0);
      shift();
    }
    return value;
  };
  const tree = (p, from, bits) => {
    let m = 1;
    for (let i = 0; i < bits; i++) m = (m << 1) | bit(p, from + m);
    return m - (1 << bits);
  };
  const reverse = (p, from, bits) => {
    let m = 1, value = 0;
    for (let i = 0; i < bits; i++) {
      const b = bit(p, from + m);
      m = (m << 1) | b;
      value |= b << i;
    }
    return value;
  };

  const lengths = () => ({ choice: chances(2), low: chances(128), mid: chances(128), high: chances(256) });
  const length = (p, place) => {
    if (!bit(p.choice, 0)) return 2 + tree(p.low, place << 3, 3);
    if (!bit(p.choice, 1)) return 10 + tree(p.mid, place << 3, 3);
    return 18 + tree(p.high, 0, 8);
  };
  const literals = chances(0x300 << (lc + lp)), matches = chances(192), repeats = chances(12), first = chances(12);
  const second = chances(12), third = chances(12), long = chances(192), slots = chances(256), special = chances(115);
  const align = chances(16), found = lengths(), again = lengths();

  let state = 0, back = [1, 1, 1, 1], n = 0;
  const copy = (count) => {
    if (back[0] > n) throw new Error("unpack");
    for (const end = Math.min(n + count, out.length); n < end; n++) out[n] = out[n - back[0]];
  };
  while (n < out.length) {
    const place = n & ((1 << pb) - 1);
    if (!bit(matches, (state << 4) + place)) {
      const from = 0x300 * (((n & ((1 << lp) - 1)) << lc) + (n ? out[n - 1] >> (8 - lc) : 0));
      let symbol = 1;
      if (state >= 7) {
        for (let match = out[n - back[0]]; symbol < 256;) {
          const expected = (match >> 7) & 1;
          match <<= 1;
          const b = bit(literals, from + ((1 + expected) << 8) + symbol);
          symbol = (symbol << 1) | b;
          if (b !== expected) break;
        }
      }
      while (symbol < 256) symbol = (symbol << 1) | bit(literals, from + symbol);
      out[n++] = symbol;
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
    } else if (bit(repeats, state)) {
      if (!bit(first, state)) {
        if (!bit(long, (state << 4) + place)) {
          state = state < 7 ? 9 : 11;
          copy(1);
          continue;
        }
      } else {
        const which = !bit(second, state) ? 1 : !bit(third, state) ? 2 : 3;
        back.unshift(...back.splice(which, 1));
      }
      const count = length(again, place);
      state = state < 7 ? 8 : 11;
      copy(count);
    } else {
      const count = length(found, place);
      const slot = tree(slots, Math.min(count - 2, 3) << 6, 6);
      let distance = slot;
      if (slot >= 4) {
        const bits = (slot >> 1) - 1;
        distance = (2 | (slot & 1)) * 2 ** bits;
        if (slot < 14) distance += reverse(special, distance - slot, bits);
        else distance += direct(bits - 4) * 16 + reverse(align, 0, 4);
      }
      back = [distance + 1, ...back.slice(0, 3)];
      state = state < 7 ? 7 : 10;
      copy(count);
    }
  }
  return out;
}
