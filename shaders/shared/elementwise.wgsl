// Grid of an elementwise kernel: each invocation takes TURNS values, GROUP apart, so that loads of neighbours stay together.
#import grid
const GROUP = 64u;
const TURNS = 4u;

fn first_element(group: vec3u, groups: vec3u, lane: u32) -> u32 {
  return linear_group(group, groups) * (GROUP * TURNS) + lane;
}
