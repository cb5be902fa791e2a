// rows[places[i]] = i and places[i] = the number of tokens that stay before token i, counted over the batch; NONE for a token that goes
// stays, places: batch x tokens; rows: batch x kept. Each example has `kept` tokens that stay.
#import elementwise
#import none

struct Params { start: u32, end: u32, tokens: u32, kept: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> stays: array<u32>;
@group(0) @binding(2) var<storage, read_write> rows: array<u32>;
@group(0) @binding(3) var<storage, read_write> places: array<u32>;

fn apply(i: u32) {
  if (stays[i] == 0u) {
    places[i] = NONE;
    return;
  }
  var place = (i / params.tokens) * params.kept;
  for (var j = i - i % params.tokens; j < i; j++) { place += stays[j]; }
  rows[place] = i;
  places[i] = place;
}
