// In a table of indices: none.
const NONE = 0xffffffffu;
