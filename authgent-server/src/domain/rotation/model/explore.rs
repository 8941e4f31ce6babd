//! Breadth first, so that the way to what is broken is a shortest one.

use super::world::{Bounds, Event, Property, Rules, World};
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// What an exploration found.
pub(super) enum Found {
    /// Every state within the bounds was visited, and each property holds in each.
    Nothing { states: usize },
    /// What happens until the property is broken.
    Broken { property: Property, way: Vec<String> },
}

/// Where a state was reached from.
struct Reached {
    from: usize,
    by: Event,
}

/// A hash that is quick without optimisation. Nobody chooses what is hashed here; states are compared in full.
#[derive(Default)]
struct Quick(u64);

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u8(*byte);
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(number)).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u8(number as u8);
    }
}

/// Visits every state.
pub(super) fn explore(rules: &Rules, bounds: &Bounds) -> Found {
    let first = World::new(bounds);
    let mut seen: HashSet<World, BuildHasherDefault<Quick>> = HashSet::default();
    seen.insert(first);
    let mut reached = vec![Reached { from: 0, by: Event::Second }];
    let mut layer = vec![(0, first)];
    while !layer.is_empty() {
        let mut next_layer = Vec::new();
        for (place, world) in layer {
            for event in world.events(bounds) {
                match world.after(event, rules, bounds) {
                    Err(property) => return Found::Broken { property, way: way(&reached, place, event, &world) },
                    Ok(next) if seen.insert(next) => {
                        next_layer.push((reached.len(), next));
                        reached.push(Reached { from: place, by: event });
                    }
                    Ok(_) => {}
                }
            }
        }
        layer = next_layer;
    }
    Found::Nothing { states: seen.len() }
}

fn way(reached: &[Reached], mut place: usize, last: Event, before: &World) -> Vec<String> {
    let mut way = vec![format!("{last:?}"), format!("{before:?}")];
    while place != 0 {
        way.push(format!("{:?}", reached[place].by));
        place = reached[place].from;
    }
    way.reverse();
    way
}
