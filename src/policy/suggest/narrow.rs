//! Each permission, cut to what was used of it.

use super::{Suggestion, Tally, Uses, Wanted, Why};
use crate::directus::Action;
use crate::policy::document::{MaxItems, Permission, Position, Role, Silence};
use crate::policy::pattern::{CollectionPatterns, Patterns};
use std::collections::{BTreeMap, BTreeSet};

/// What of the fields stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    /// All that the permission has.
    Own,
    /// These.
    Named(BTreeSet<String>),
}

/// One action on one collection, under one permission.
#[derive(Clone, Debug)]
struct Cell {
    cut: Cut,
    is_kept: bool,
    junction: BTreeSet<bool>,
}

/// By the permission's place, collection and action.
type Cells = BTreeMap<(usize, String, Action), Cell>;

/// What becomes one permission: the collections share the actions and the fields.
type Groups = BTreeMap<(BTreeSet<Action>, Cut, bool), BTreeSet<String>>;

pub(super) fn suggestion(uses: &Uses<'_>) -> Suggestion {
    let role = uses.role;
    let mut all: Vec<Permission> = role.permissions.clone();
    let mut cells: Cells = BTreeMap::new();
    for ((place, collection, action), used) in &uses.places {
        let cut = match action {
            // These name no fields.
            Action::Delete | Action::Execute => Cut::Own,
            Action::Read | Action::Create | Action::Update | Action::Import if used.all => Cut::Own,
            Action::Read | Action::Create | Action::Update | Action::Import => {
                Cut::Named(used.fields.clone())
            }
        };
        let cell = Cell { cut, is_kept: false, junction: used.junction.clone() };
        cells.insert((*place, collection.clone(), *action), cell);
    }
    let mut tallies = Vec::new();
    for ((collection, action), wanted) in &uses.wanted {
        let cell = Cell { cut: Cut::Own, is_kept: false, junction: wanted.used.junction.clone() };
        cells.insert((all.len(), collection.clone(), *action), cell);
        all.push(missing(role, collection, *action, wanted));
        tallies.push(wanted.tally.clone());
    }
    keep_those_before(&all, &mut cells);
    let mut made = Made::beside(role);
    for (place, permission) in all.iter().enumerate() {
        let denied = place.checked_sub(role.permissions.len()).and_then(|place| tallies.get(place));
        made.permission(permission, groups(place, &cells), denied);
    }
    let is_unused = |place: &usize| !cells.keys().any(|(one, ..)| one == place);
    let unused = (0..role.permissions.len()).filter(is_unused);
    let unused = unused.filter_map(|place| role.permissions.get(place)).map(|one| one.id.clone()).collect();
    let (silences, untouched) = (made.silences(role), untouched(uses));
    let role = Role { permissions: made.permissions, silences, ..role.clone() };
    let (tallies, whys) = (BTreeMap::new(), made.whys);
    Suggestion { role, whys, tallies, unused, untouched, kept: 0, lost: 0 }
}

/// Where one that is used follows on another with other conditions, both speaking of the same action on the same collection, the first
/// stays whole for it: what it is come to for now would else be come to under the conditions of the second.
fn keep_those_before(all: &[Permission], cells: &mut Cells) {
    for (later, permission) in all.iter().enumerate().rev() {
        let there: Vec<(String, Action, BTreeSet<bool>)> = cells
            .iter()
            .filter(|((place, ..), _)| *place == later)
            .map(|((_, collection, action), cell)| (collection.clone(), *action, cell.junction.clone()))
            .collect();
        for (collection, action, junction) in there {
            let before = all.iter().enumerate().take(later);
            for (place, _) in before
                .filter(|(_, one)| speaks(one, &collection, action, &junction) && !is_alike(one, permission))
            {
                let kept = Cell { cut: Cut::Own, is_kept: true, junction: junction.clone() };
                let cell = cells.entry((place, collection.clone(), action)).or_insert_with(|| kept.clone());
                cell.junction.extend(&junction);
                if cell.cut != Cut::Own {
                    *cell = Cell { junction: cell.junction.clone(), ..kept };
                }
            }
        }
    }
}

/// Whether two permissions ask for the same, whatever they speak of.
fn is_alike(one: &Permission, other: &Permission) -> bool {
    let validation = |permission: &Permission| permission.validation.as_ref().map(|rule| rule.text.clone());
    one.filter == other.filter
        && validation(one) == validation(other)
        && one.presets == other.presets
        && one.keys == other.keys
        && one.max_items == other.max_items
        && one.by_query == other.by_query
}

fn groups(place: usize, cells: &Cells) -> Groups {
    let mut by_collection: BTreeMap<(&String, &Cut, bool), BTreeSet<Action>> = BTreeMap::new();
    for ((_, collection, action), cell) in cells.iter().filter(|((one, ..), _)| *one == place) {
        by_collection.entry((collection, &cell.cut, cell.is_kept)).or_default().insert(*action);
    }
    let mut groups = Groups::new();
    for ((collection, cut, is_kept), actions) in by_collection {
        groups.entry((actions, cut.clone(), is_kept)).or_default().insert(collection.clone());
    }
    groups
}

/// A permission for what was denied for want of one. What is asked for of the same action on the same collection now is asked for then.
fn missing(role: &Role, collection: &str, action: Action, wanted: &Wanted) -> Permission {
    let fields = if wanted.used.all { Patterns::all() } else { Patterns::new(&wanted.used.fields) };
    let near = role.permissions.iter().find(|one| speaks(one, collection, action, &wanted.used.junction));
    Permission {
        id: format!("denied-{action}-{}", slug(collection)),
        collections: CollectionPatterns::new([collection]),
        actions: BTreeSet::from([action]),
        fields,
        filter: near.and_then(|near| near.filter.clone()),
        validation: near.and_then(|near| near.validation.clone()),
        presets: near.and_then(|near| near.presets.clone()),
        keys: None,
        max_items: wanted.most.filter(|most| *most > 0).map(MaxItems::At),
        by_query: false,
        at: Position::default(),
    }
}

/// Whether it is about that action on that collection.
fn speaks(permission: &Permission, collection: &str, action: Action, junction: &BTreeSet<bool>) -> bool {
    permission.actions.contains(&action)
        && junction.iter().any(|junction| permission.collections.matches(collection, *junction))
}

/// The permissions as they are made.
#[derive(Debug)]
struct Made {
    taken: BTreeSet<String>,
    permissions: Vec<Permission>,
    whys: Vec<Why>,
    /// What each comes from.
    from: Vec<(String, String)>,
}

impl Made {
    /// None, in a file with these other rules.
    fn beside(role: &Role) -> Self {
        let others = role.forbid.iter().map(|forbid| &forbid.id);
        let taken = others.chain(role.limits.iter().map(|limit| &limit.id)).cloned().collect();
        Self { taken, permissions: Vec::new(), whys: Vec::new(), from: Vec::new() }
    }

    fn permission(&mut self, permission: &Permission, groups: Groups, denied: Option<&Tally>) {
        let alone = groups.len() == 1;
        let often: BTreeMap<String, usize> =
            groups.values().flatten().fold(BTreeMap::new(), |mut often, collection| {
                *often.entry(collection.clone()).or_default() += 1;
                often
            });
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by(|(_, one), (_, other)| one.cmp(other));
        for ((actions, cut, is_kept), collections) in groups {
            let mut id = permission.id.clone();
            let mut each = collections.iter();
            if let (false, Some(collection), None) = (alone, each.next(), each.next()) {
                id = format!("{id}-{}", slug(collection));
                if let (Some(2..), Some(action)) = (often.get(collection), actions.first()) {
                    id = format!("{id}-{action}");
                }
            }
            let id = self.fresh(&id);
            let no_junctions = permission.collections.junctions() == Some(false);
            let excluded = no_junctions.then(|| format!("!{}", CollectionPatterns::JUNCTIONS));
            self.from.push((permission.id.clone(), id.clone()));
            self.permissions.push(Permission {
                id,
                collections: CollectionPatterns::new(collections.into_iter().chain(excluded)),
                actions,
                fields: match cut {
                    Cut::Own => permission.fields.clone(),
                    Cut::Named(names) => Patterns::new(names),
                },
                ..permission.clone()
            });
            self.whys.push(match denied {
                Some(tally) => Why::Denied(tally.clone()),
                None if is_kept => Why::Kept,
                None => Why::Used,
            });
        }
    }

    /// The id, or the first of that kind that no other rule has.
    fn fresh(&mut self, id: &str) -> String {
        let mut fresh = id.to_owned();
        let mut number = 2;
        while !self.taken.insert(fresh.clone()) {
            fresh = format!("{id}-{number}");
            number += 1;
        }
        fresh
    }

    /// What is not to be said of a permission is not to be said of its parts.
    fn silences(&self, role: &Role) -> Vec<Silence> {
        let mut silences = Vec::new();
        for silence in &role.silences {
            match silence.rule.as_ref().filter(|id| role.permissions.iter().any(|one| one.id == **id)) {
                None => silences.push(silence.clone()),
                Some(whole) => {
                    let parts = self.from.iter().filter(|(from, _)| from == whole);
                    silences
                        .extend(parts.map(|(_, id)| Silence { rule: Some(id.clone()), ..silence.clone() }));
                }
            }
        }
        silences
    }
}

/// The collections that the role's permissions speak of, and that nobody used.
fn untouched(uses: &Uses<'_>) -> Vec<String> {
    let permissions = &uses.role.permissions;
    let mut known = uses.collections.clone();
    for glob in permissions.iter().flat_map(|one| one.collections.names().included()) {
        if !glob.as_str().contains('*') {
            known.entry(glob.as_str().to_owned()).or_insert_with(|| BTreeSet::from([false]));
        }
    }
    let touched: BTreeSet<&String> = uses.places.keys().map(|(_, collection, _)| collection).collect();
    let speaks = |(collection, junctions): &(String, BTreeSet<bool>)| {
        let is_in = |one: &Permission, junction: bool| one.collections.matches(collection, junction);
        junctions.iter().any(|junction| permissions.iter().any(|one| is_in(one, *junction)))
    };
    let open = known.into_iter().filter(speaks).map(|(collection, _)| collection);
    open.filter(|collection| !touched.contains(collection)).collect()
}

/// A name as a part of an id.
fn slug(name: &str) -> String {
    let plain = |one: char| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { '-' };
    name.chars().map(plain).collect()
}
