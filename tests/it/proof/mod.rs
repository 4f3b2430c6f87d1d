//! Answers with proof, held against every call of a small world decided one by one.

mod brute;
mod generate;
mod plainly;

use crate::reference::times;
use brute::{Thing, Tried};
use generate::{COLLECTIONS, Policies, ROLES, families, schema};
use std::collections::{BTreeMap, BTreeSet};
use warrener::directus::{Action, SchemaSnapshot};
use warrener::policy::PolicySet;
use warrener::policy::diagnostic::Source;
use warrener::policy::pattern::Patterns;
use warrener::policy::proof::diff::{Difference, Kind};
use warrener::policy::proof::{Answer, Assertion, Proof, Proved, Question, Verdict};
use warrener::policy::set::GuardrailsFile;

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
    sets: usize,
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
    for family in families(times(2) as usize, 24) {
        let members: Vec<Member> = family
            .iter()
            .map(|policies| {
                let set = policies.load();
                let tried: Vec<Tried> =
                    ROLES.iter().map(|role| brute::tried(&set, role, &schema, &calls)).collect();
                let open = held.answers(policies, &set, &schema, &tried);
                held.proofs(&set, &schema, &tried, &open);
                held.sets += 1;
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
    // Else little was held against anything.
    let enough = held.can > 1000 && held.cannot > 4000 && held.unshown < held.can;
    let proved = held.holds > 10 && held.fails > 20;
    assert!(enough && proved && held.alike > 100 && held.gained > 1000 && held.lost > 1000, "{held:?}");
    assert!(held.pairs > 1000, "{held:?}");
}

fn question(actions: &str, target: &str) -> Question {
    Question::read(actions, &[target]).unwrap()
}

impl Held {
    /// What is answered is what the calls do.
    fn answers(
        &mut self,
        policies: &Policies,
        set: &PolicySet,
        schema: &SchemaSnapshot,
        tried: &[Tried],
    ) -> Vec<Open> {
        let mut all = Vec::new();
        for (role, tried) in ROLES.iter().zip(tried) {
            let mut open = Open::new();
            let roles = BTreeSet::from([(*role).to_owned()]);
            let whole = question("read,create,update,delete,execute,import", "*");
            let fields = question("read,create,update,import", "*.*");
            for question in [whole, fields] {
                let answer = set.who_can(&question, &roles, Some(schema)).unwrap();
                self.answer(&answer, tried, &mut open);
                held_plainly(policies, &answer);
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
                    Verdict::Unshown { in_turn, .. } => {
                        assert!(!passes, "unshown {thing:?}: {finding:?}");
                        if thing.2.is_none() {
                            assert_eq!(in_turn.is_some(), tried.in_turn.contains(&thing), "{thing:?}");
                        }
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
        ]
        .into_iter()
        .skip(self.sets % 3)
        .step_by(3)
        {
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

/// What is left open is what the page about the language leaves open.
fn held_plainly(policies: &Policies, answer: &Answer) {
    for finding in &answer.findings {
        let is_open = !matches!(finding.verdict, Verdict::Cannot { .. });
        let fields: Vec<Option<&str>> = match &finding.fields {
            None => vec![None],
            Some(fields) => fields.iter().map(|field| Some(field.as_str())).collect(),
        };
        for (collection, field) in
            finding.collections.iter().flat_map(|one| fields.iter().map(move |field| (one, *field)))
        {
            let said = plainly::is_open(policies, &finding.role, finding.action, collection, field);
            assert_eq!(is_open, said, "{} {collection} {field:?}: {finding:?}\n{policies:?}", finding.action);
        }
    }
}

const ROLE: &str = "version: 1\nrole: one\ndescription: For the test.\n";

fn load(role: &str) -> PolicySet {
    PolicySet::load(&[Source::new("one.yaml", format!("{ROLE}{role}"))], GuardrailsFile::Optional).unwrap().0
}

/// Changes that are easy to miss, with the kinds of rows that tell them.
#[test]
fn what_is_told_of_changes_that_are_easy_to_miss() {
    let f = "{id: f, collections: [a], actions: [read], fields: [f]}";
    let g = "{id: g, collections: [a], actions: [read], fields: [g]}";
    let both = "{id: fg, collections: [a], actions: [read], fields: [f, g]}";
    let narrow = "{id: n, collections: [a], actions: [read], filter: {f: {_eq: x}}}";
    let wide = "{id: w, collections: [a], actions: [read]}";
    let preset = "{id: p, collections: [a], actions: [create], fields: [f], presets: {g: x}}";
    let free = "{id: p, collections: [a], actions: [create], fields: [f, g], presets: {g: x}}";
    let table: [(String, String, &[Kind]); 10] = [
        // No call may have both before, and one may then.
        (format!("[{f}, {g}]"), format!("[{both}]"), &[Kind::Conditions]),
        (format!("[{f}, {g}]"), format!("[{f}, {g}, {both}]"), &[Kind::Conditions]),
        (format!("[{f}, {g}]"), format!("[{g}, {f}]"), &[Kind::Conditions]),
        // The first that covers is taken, so the filter is gone.
        (format!("[{narrow}, {wide}]"), format!("[{wide}, {narrow}]"), &[Kind::Conditions]),
        (format!("[{both}, {wide}]"), format!("[{wide}]"), &[Kind::Conditions]),
        // What is asked for again is never come to.
        (format!("[{both}]"), format!("[{both}, {f}]"), &[]),
        (format!("[{wide}]"), format!("[{wide}, {f}]"), &[]),
        (format!("[{preset}]"), format!("[{free}]"), &[Kind::Conditions]),
        ("[]\nforbid: [{id: x, collections: [a], actions: [delete]}]".into(), "[]".into(), &[Kind::InTurn]),
        ("[]\nforbid: [{id: x, collections: [a], actions: [read]}]".into(), "[]".into(), &[]),
    ];
    for (old, new, expected) in table {
        let [old, new] = [&old, &new].map(|text| load(&format!("permissions: {text}\n")));
        let difference = Difference::between(&old, &new, Some(&schema())).unwrap();
        let kinds: Vec<Kind> = difference.rows.iter().map(|row| row.change.kind).collect();
        assert_eq!(kinds, expected, "{:?}", difference.words());
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
