// Which part of out a workgroup of a rank update has: tiles of side x side over all rows and the columns from first_column on, columns first.
const MIRROR = false;

struct Params { rows: u32, columns: u32, first_column: u32, depth: u32, a_pitch: u32, triangle: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;

struct Place { row: u32, column: u32 }

// Rows of tiles come from both ends by turns, so that any run of workgroups has its share of a triangle: drivers deal them out in runs.
fn place_of(index: u32, side: u32) -> Place {
  let across = (params.columns - params.first_column + side - 1u) / side;
  let down = (params.rows + side - 1u) / side;
  let turn = index / across;
  let row = select(turn / 2u, down - 1u - turn / 2u, turn % 2u == 1u);
  return Place(select(params.rows, row * side, turn < down), params.first_column + index % across * side);
}

fn left_out(place: Place) -> bool {
  return place.row >= params.rows || (place.column > place.row && place.column < params.triangle);
}
