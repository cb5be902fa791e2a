// What an elementwise kernel handles at once: four elements, or one where four do not fit.
// src/kernels/lanes.ts runs a kernel over whole lanes and swaps these four lines for the elements that are left.
alias Lane = vec4f;
alias LaneBits = vec4u;
const LANE_BITS = vec4u(1u, 2u, 4u, 8u);
const LANES = 4u;
