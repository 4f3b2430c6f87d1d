//! Answers with proof, held against every call of a small world decided one by one.

mod brute;
mod generate;

use crate::reference::times;
use brute::{Thing, Tried};
use generate::{COLLECTIONS, ROLES, families, schema};
use std::collections::{BTreeMap, BTreeSet};
use warrener::directus::{Action, SchemaSnapshot};
use warrener::policy::PolicySet;
use warrener::policy::pattern::Patterns;
use warrener::policy::proof::diff::{Difference, Kind};
use warrener::policy::proof::{Answer, Assertion, Proof, Proved, Question, Verdict};

/// What the rules leave open for one role: for each thing, whether a call was found for it.
type Open = BTreeMap<Thing, bool>;

/// One set of policies with what comes of it.
struct Member {
    set: PolicySet,
    tried: Vec<Tried>,
    open: Vec<Open>,
}

#[derive(Debug, Default)]
struct Held {
    can: usize,
    cannot: usize,
    unshown: usize,
    in_turn: usize,
    holds: usize,
    fails: usize,
    pairs: usize,
    alike: usize,
    gained: usize,
    lost: usize,
}

#[test]
fn answers_proofs_and_differences_are_those_of_every_call() {
    let schema = schema();
    let calls = brute::calls(&schema);
    let mut held = Held::default();
    for family in families(times(4) as usize, 17) {
        let members: Vec<Member> = family
            .iter()
            .map(|policies| {
                let set = policies.load();
                let tried: Vec<Tried> =
                    ROLES.iter().map(|role| brute::tried(&set, role, &schema, &calls)).collect();
                let open = held.answers(&set, &schema, &tried);
                held.proofs(&set, &schema, &tried, &open);
                Member { set, tried, open }
            })
            .collect();
        for (number, old) in members.iter().enumerate() {
            for (other, new) in members.iter().enumerate() {
                if number != other {
                    held.difference(old, new, &schema, &format!("{:?}\n{:?}", family[number], family[other]));
                }
            }
        }
    }
    println!("{held:?}");
}

fn question(actions: &str, target: &str) -> Question {
    Question::read(actions, &[target]).unwrap()
}

impl Held {
    /// What is answered is what the calls do.
    fn answers(&mut self, set: &PolicySet, schema: &SchemaSnapshot, tried: &[Tried]) -> Vec<Open> {
        let mut all = Vec::new();
        for (role, tried) in ROLES.iter().zip(tried) {
            let mut open = Open::new();
            let roles = BTreeSet::from([(*role).to_owned()]);
            let whole = question("read,create,update,delete,execute,import", "*");
            let fields = question("read,create,update,import", "*.*");
            for question in [whole, fields] {
                let answer = set.who_can(&question, &roles, Some(schema)).unwrap();
                self.answer(&answer, tried, &mut open);
            }
            // Nothing passes that was not asked about.
            for thing in &tried.asked {
                assert!(open.contains_key(thing), "{thing:?} {role}");
            }
            all.push(open);
        }
        all
    }

    fn answer(&mut self, answer: &Answer, tried: &Tried, open: &mut Open) {
        for finding in &answer.findings {
            for (collection, field) in finding.collections.iter().flat_map(|collection| {
                let fields: Vec<Option<String>> = match &finding.fields {
                    None => vec![None],
                    Some(fields) => fields.iter().cloned().map(Some).collect(),
                };
                fields.into_iter().map(move |field| (collection.clone(), field))
            }) {
                let thing = (finding.action, collection, field);
                let passes = tried.asked.contains(&thing);
                match &finding.verdict {
                    Verdict::Can { .. } => {
                        assert!(passes, "can {thing:?}: {finding:?}");
                        open.insert(thing, true);
                        self.can += 1;
                    }
                    Verdict::Unshown { .. } => {
                        assert!(!passes, "unshown {thing:?}: {finding:?}");
                        open.insert(thing, false);
                        self.unshown += 1;
                    }
                    Verdict::Cannot { in_turn, .. } => {
                        assert!(!passes, "cannot {thing:?}: {finding:?}");
                        if thing.2.is_none() {
                            assert_eq!(in_turn.is_some(), tried.in_turn.contains(&thing), "{thing:?}");
                        }
                        self.in_turn += usize::from(in_turn.is_some());
                        self.cannot += 1;
                    }
                }
            }
        }
    }

    /// An assertion holds where no call does it, and fails where one does.
    fn proofs(&mut self, set: &PolicySet, schema: &SchemaSnapshot, tried: &[Tried], open: &[Open]) {
        for (actions, target) in [
            ("delete", "*,!b"),
            ("read", "a*.f*"),
            ("create,update", "*,!@junctions"),
            ("execute", "directus_*"),
            ("import", "*"),
            ("update", "*.*,!f"),
        ] {
            let never = question(actions, target);
            let assertion = Assertion {
                id: "x".to_owned(),
                roles: Patterns::all(),
                never: never.clone(),
                at: warrener::policy::document::Position::default(),
            };
            let Proof { proved, .. } = assertion.prove(set, Some(schema)).unwrap();
            let asked_about = |thing: &Thing| {
                never.actions.contains(&thing.0)
                    && never.targets.iter().any(|target| {
                        let fits = match (&target.fields, &thing.2) {
                            (None, None) => true,
                            (Some(fields), Some(field)) => fields.matches(field),
                            (None, Some(_)) | (Some(_), None) => false,
                        };
                        fits && target.collections.matches(&thing.1, schema.is_junction(&thing.1))
                    })
            };
            let done = tried.iter().any(|tried| {
                tried.asked.iter().any(asked_about)
                    || tried.in_turn.iter().any(|thing| thing.2.is_none() && asked_about(thing))
            });
            let unshown = open.iter().flatten().any(|(thing, shown)| !shown && asked_about(thing));
            match proved {
                Proved::Fails(_) => {
                    assert!(done, "{actions} {target}");
                    self.fails += 1;
                }
                Proved::Holds { .. } => {
                    assert!(!done && !unshown, "{actions} {target}");
                    self.holds += 1;
                }
                Proved::Unproved(_) => assert!(!done && unshown, "{actions} {target}"),
                Proved::Nothing => panic!("{actions} {target}"),
            }
        }
    }

    /// What changes is what calls come to otherwise.
    fn difference(&mut self, old: &Member, new: &Member, schema: &SchemaSnapshot, texts: &str) {
        let difference = Difference::between(&old.set, &new.set, Some(schema)).unwrap();
        self.pairs += 1;
        for (number, role) in ROLES.iter().enumerate() {
            let things = |kind: Kind| things(&difference, role, kind, schema);
            let keys = |open: &Open| open.keys().cloned().collect::<BTreeSet<Thing>>();
            let (before, after) = (keys(&old.open[number]), keys(&new.open[number]));
            let gained: BTreeSet<Thing> = after.difference(&before).cloned().collect();
            let lost: BTreeSet<Thing> = before.difference(&after).cloned().collect();
            assert_eq!(things(Kind::Gains), gained, "{role} gains: {:?}\n{texts}", difference.words());
            assert_eq!(things(Kind::Loses), lost, "{role} loses: {:?}\n{texts}", difference.words());
            self.gained += gained.len();
            self.lost += lost.len();
            let told = difference.rows.iter().any(|row| row.role == *role)
                || difference.others.iter().any(|other| other.role.as_deref().is_none_or(|one| one == *role));
            if !told {
                self.alike += 1;
                assert_eq!(old.tried[number].outcomes, new.tried[number].outcomes, "{role}\n{texts}");
            }
        }
    }
}

/// What rows of one kind speak of.
fn things(difference: &Difference, role: &str, kind: Kind, schema: &SchemaSnapshot) -> BTreeSet<Thing> {
    let mut things = BTreeSet::new();
    for row in difference.rows.iter().filter(|row| row.role == role && row.change.kind == kind) {
        let collections = Patterns::new(&row.collections);
        let known = COLLECTIONS.into_iter().filter(|name| collections.matches(name));
        for (action, collection) in
            row.actions.iter().flat_map(|action| known.clone().map(move |name| (*action, name)))
        {
            let fields = row.change.fields.as_ref().map(Patterns::new);
            let named = schema.collection(collection).unwrap().fields.keys().map(String::as_str);
            let bytes = (collection == "directus_files" && matches!(action, Action::Read | Action::Update))
                .then_some("$bytes");
            for field in named.chain(bytes) {
                if fields.as_ref().is_some_and(|fields| fields.matches(field)) {
                    things.insert((action, collection.to_owned(), Some(field.to_owned())));
                }
            }
            // Where it could be done before, or can be then, it is about some fields only.
            let (before, after) = (row.change.before.is_empty(), row.change.after.is_empty());
            if before && kind == Kind::Gains || after && kind == Kind::Loses {
                things.insert((action, collection.to_owned(), None));
            }
        }
    }
    things
}
