// What an element of a weight counts as where it is read, before its mask. One that counts as 1 is not read: its buffer is a placeholder.
const SQUARE = 1u;
const ONE = 2u;
const WEIGHT_AS = 0u; // 0 itself, 1 SQUARE, 2 ONE
