/** In a table of indices on the device: none. `shaders/shared/none.wgsl` has it too. */
export const NONE = 0xffffffff;
