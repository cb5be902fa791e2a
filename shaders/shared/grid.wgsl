// Linear index of a workgroup in a grid that the dispatcher folded into two dimensions past 65,535 groups.
// The fold may overshoot: compare with the number of items.
fn linear_group(group: vec3u, groups: vec3u) -> u32 {
  return group.x + group.y * groups.x;
}
