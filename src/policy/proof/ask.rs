//! Asking: the rules about every kind of access that the question speaks of, and the engine about calls that show what they say.

use super::answer::{Answer, Fact, Rule, Verdict, findings};
use super::kinds::TooManyKinds;
use super::question::{Question, Target};
use super::stand::{Bar, Stand, Standing, is_brought_about, place};
use super::world::{World, all, fields};
use crate::directus::SchemaSnapshot;
use crate::directus::access::{Access, Action};
use crate::directus::schema::Collection;
use crate::policy::diagnostic::Source;
use crate::policy::document::{Mode, Permission, Position};
use crate::policy::judge::{Wire, judge};
use crate::policy::locate::locate;
use crate::policy::matrix::{Done, Tried, Wishes, Witness, conditions, tried};
use crate::policy::rules::{Hit, Rules};
use crate::policy::{PolicySet, Principal, Proof, explain};
use serde_json::Value;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

impl PolicySet {
    /// Which of these roles can do what is asked, and how; of a schema where one is given, else of any.
    ///
    /// # Errors
    /// When the patterns tell too many kinds of names apart.
    pub fn who_can(
        &self,
        question: &Question,
        roles: &BTreeSet<String>,
        schema: Option<&SchemaSnapshot>,
    ) -> Result<Answer, TooManyKinds> {
        let targets: Vec<&Target> = question.targets.iter().collect();
        let worlds = World::all(&[self], &targets, schema)?;
        let sources: Vec<Source> =
            self.sources().iter().map(|(name, text)| Source::new(name, text)).collect();
        let mut facts = Vec::new();
        for role in roles {
            for world in &worlds {
                let asked = Asked::of(question, world);
                let asking =
                    Asking { set: self, role, world, asked, sources: &sources, calls: OnceCell::new() };
                facts.extend(asking.facts());
            }
        }
        Ok(Answer { findings: findings(facts, &all(&worlds)), is_given: schema.is_some() })
    }
}

/// What of a world is asked about: collections, each with the fields of it, where fields are asked about.
type AskedFields<'w> = BTreeMap<&'w str, Option<BTreeSet<&'w str>>>;

#[derive(Debug)]
struct Asked<'w> {
    actions: Vec<Action>,
    collections: AskedFields<'w>,
}

impl<'w> Asked<'w> {
    fn of(question: &Question, world: &'w World) -> Self {
        let mut collections = AskedFields::new();
        for target in &question.targets {
            for collection in world.schema.collections() {
                let junction = world.schema.is_junction(&collection.name);
                if target.collections.matches(&collection.name, junction) {
                    merge(&mut collections, &collection.name, fields_asked(target, collection));
                }
            }
        }
        Self { actions: question.actions.iter().copied().collect(), collections }
    }
}

fn fields_asked<'w>(target: &Target, collection: &'w Collection) -> Option<BTreeSet<&'w str>> {
    let patterns = target.fields.as_ref()?;
    Some(fields(collection).filter(|field| patterns.matches(field)).collect())
}

/// Fields of a collection that is asked about twice. To ask without fields is to ask for more.
fn merge<'w>(asked: &mut AskedFields<'w>, name: &'w str, fields: Option<BTreeSet<&'w str>>) {
    let merged = match (asked.remove(name), fields) {
        (None, fields) => fields,
        (Some(None), _) | (Some(_), None) => None,
        (Some(Some(mut one)), Some(other)) => {
            one.extend(other);
            Some(one)
        }
    };
    asked.insert(name, merged);
}

/// One role in one world.
struct Asking<'a> {
    set: &'a PolicySet,
    role: &'a str,
    world: &'a World,
    asked: Asked<'a>,
    sources: &'a [Source],
    /// Calls, decided once and where that is needed.
    calls: OnceCell<Tried>,
}

impl Asking<'_> {
    fn facts(&self) -> Vec<Fact> {
        let Some(rules) = Rules::of(self.set, self.role, Some(&self.world.schema)) else { return Vec::new() };
        let mut facts = Vec::new();
        for action in &self.asked.actions {
            for (collection, fields) in &self.asked.collections {
                let stand = Stand::of(rules, *action, collection);
                let asked: Vec<Option<&str>> = match fields {
                    None => vec![None],
                    Some(fields) => fields.iter().map(|field| Some(*field)).collect(),
                };
                for field in asked {
                    let verdict = self.verdict(&rules, &stand, *action, collection, field);
                    facts.push(Fact {
                        role: self.role.to_owned(),
                        action: *action,
                        collection: self.world.collection(collection),
                        field: field.map(|field| self.world.field(field)),
                        junction: self.world.junctions,
                        verdict,
                    });
                }
            }
        }
        facts
    }

    fn verdict(
        &self,
        rules: &Rules<'_>,
        stand: &Stand<'_>,
        action: Action,
        collection: &str,
        field: Option<&str>,
    ) -> Verdict {
        if !rules.role.tools.opaque.is_empty() {
            // What a tool does that is let through by its name, nobody looks at.
            let name = format!("{}/tools", self.role);
            let at = locate(self.sources, &name).and_then(|place| Some((place.file, place.line?)));
            let words = "lets tools through by their names, whatever they do".to_owned();
            let by = vec![Rule { name: Some(name), at, words }];
            if !matches!(stand.standing(field), Standing::Open(_)) {
                return Verdict::Unshown { by, observed: Vec::new(), tried: Vec::new(), in_turn: None };
            }
        }
        let (because, is_forbidden) = match stand.standing(field) {
            Standing::Open(ways) => return self.open(rules, stand, &ways, action, collection, field),
            Standing::Forbidden(hits) => {
                (hits.iter().map(|hit| forbidding(hit, "forbidden")).collect(), true)
            }
            Standing::Barred(bar) => (vec![self.barring(stand, bar, field)], false),
        };
        let is_looked_for = !is_forbidden && field.is_none();
        let in_turn = is_looked_for.then(|| self.in_turn(rules, action, collection)).flatten();
        Verdict::Cannot { because, is_forbidden, in_turn }
    }

    /// A call that brings it about without asking for it. Fields are not looked for: those that calls write in turn are the ones that
    /// Directus fills.
    fn in_turn(&self, rules: &Rules<'_>, action: Action, collection: &str) -> Option<Witness> {
        let happens = is_brought_about(action) && writes(rules);
        happens.then(|| self.call(action, collection, None, false)).flatten()
    }

    fn open(
        &self,
        rules: &Rules<'_>,
        stand: &Stand<'_>,
        ways: &[&Permission],
        action: Action,
        collection: &str,
        field: Option<&str>,
    ) -> Verdict {
        let by: Vec<Rule> = ways.iter().map(|way| self.permitting(rules, way, action)).collect();
        let mut observed: Vec<Rule> = stand
            .observed
            .iter()
            .map(|hit| forbidding(hit, "would forbid it, but is observed only"))
            .collect();
        if by.is_empty() {
            observed.push(self.observing("no permission, but the role is observed only"));
        }
        if let Some(call) = self.call(action, collection, field, true) {
            return Verdict::Can { by, observed, call };
        }
        let because = self.calls().because.get(&(action, collection.to_owned()));
        let tried = because.into_iter().flatten().cloned().collect();
        let in_turn = field.is_none().then(|| self.in_turn(rules, action, collection)).flatten();
        Verdict::Unshown { by, observed, tried, in_turn }
    }

    fn calls(&self) -> &Tried {
        self.calls.get_or_init(|| tried(self.set, self.role, &self.world.schema, self.wishes()))
    }

    /// A call that does it and passes, decided as it would come from a client.
    fn call(&self, action: Action, collection: &str, field: Option<&str>, asked: bool) -> Option<Witness> {
        let (collection, field) = (collection.to_owned(), field.map(str::to_owned));
        let done = Done { action, collection, field, asked };
        self.calls().done.get(&done).filter(|call| self.passes(call, &done)).cloned()
    }

    fn wishes(&self) -> Wishes {
        let fields = |(name, fields): (&&str, &Option<BTreeSet<&str>>)| {
            let fields = fields.as_ref()?.iter().map(|field| (*field).to_owned());
            Some(((*name).to_owned(), fields.collect()))
        };
        self.asked.collections.iter().filter_map(fields).collect()
    }

    fn passes(&self, call: &Witness, done: &Done) -> bool {
        let arguments = Value::Object(call.arguments.clone());
        let body = explain::call(&Value::from(call.tool.as_str()), &arguments).to_string();
        let principal = Principal { name: String::new(), role: self.role.to_owned(), proof: Proof::Key };
        let content_type = vec!["application/json"];
        let wire = Wire { content_type, body: body.as_bytes(), ..Wire::default() };
        let decision = judge(self.set, &principal, Some(&self.world.schema), &wire).decision;
        let does = |access: &Access| {
            access.action == done.action
                && access.collection == done.collection
                && access.origin.is_asked() == done.asked
                && done.field.as_ref().is_none_or(|field| access.fields.named.contains(field))
        };
        decision.permit().is_some() && decision.accesses.iter().any(does)
    }

    fn permitting(&self, rules: &Rules<'_>, way: &Permission, action: Action) -> Rule {
        Rule {
            name: Some(format!("{}/{}", self.role, way.id)),
            at: at(&way.at),
            words: conditions(rules, way, action).join("; "),
        }
    }

    fn observing(&self, words: &str) -> Rule {
        let line = locate(self.sources, &format!("{}/mode", self.role));
        let at = line.and_then(|place| Some((place.file, place.line?)));
        Rule { name: Some(format!("{}/-", self.role)), at, words: words.to_owned() }
    }

    fn barring(&self, stand: &Stand<'_>, bar: Bar, field: Option<&str>) -> Rule {
        let name = stand.rule(bar, field);
        let line = name.as_ref().and_then(|name| locate(self.sources, name));
        Rule {
            name,
            at: line.and_then(|place| Some((place.file, place.line?))),
            words: bar.words().to_owned(),
        }
    }
}

fn forbidding(hit: &Hit<'_>, words: &str) -> Rule {
    let (name, position) = place(hit);
    Rule { name: Some(name), at: at(position), words: words.to_owned() }
}

fn at(position: &Position) -> Option<(String, usize)> {
    (position.line > 0).then(|| (position.file.clone(), position.line))
}

/// Whether the role changes anything at all: what happens in turn happens after a change.
fn writes(rules: &Rules<'_>) -> bool {
    let changes = |permission: &Permission| permission.actions.iter().any(|action| *action != Action::Read);
    rules.role.mode == Mode::Observe || rules.role.permissions.iter().any(changes)
}
