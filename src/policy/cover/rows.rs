//! The objects that a write consists of, held against a permission's `validation`, and what its `presets` put into them.

use super::Mismatch;
use crate::directus::carrier::{Carrier, Row, RowFate};
use crate::directus::field::{no_data, own_field};
use crate::directus::schema::{Collection, FieldKind};
use crate::directus::{Access, Action, Misread, ToolCall};
use crate::policy::document::Permission;
use crate::policy::rules::Rules;
use crate::policy::validation::Written;
use serde_json::{Map, Value};

/// Fields that are put into a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Preset {
    pub(crate) row: Row,
    pub(crate) fields: Map<String, Value>,
}

/// Whether every row meets the validation, and what the presets add to them.
pub(super) fn rows(
    permission: &Permission,
    access: &Access,
    rules: &Rules<'_>,
    call: &ToolCall,
) -> Result<Vec<Preset>, Mismatch> {
    let makes = match access.action {
        Action::Create | Action::Import => true,
        Action::Update => false,
        Action::Read | Action::Delete | Action::Execute => return Ok(Vec::new()),
    };
    let presets = permission.presets.as_ref().filter(|presets| makes && !presets.is_empty());
    let part = match (presets, &permission.validation) {
        (None, None) => return Ok(Vec::new()),
        (_, Some(_)) => "validation",
        (Some(_), None) => "presets",
    };
    let collection = rules.schema().and_then(|schema| schema.collection(&access.collection));
    let (Carrier::Rows(rows), Some(collection)) = (&access.carrier, collection) else {
        return Err(Mismatch::Undischarged(part, "what it writes is not an item of its own".to_owned()));
    };
    if let Some(misread) = presets.and_then(|presets| unfit(presets, collection)) {
        return Err(Mismatch::Undischarged("presets", misread.to_string()));
    }
    let mut filled = Vec::new();
    for row in rows {
        if presets.is_some() && row.fate == RowFate::Upserted {
            let why = "the item may be there already; write it under `create`, or name it by its key alone";
            return Err(Mismatch::Undischarged("presets", why.to_owned()));
        }
        let values = row.values(call);
        let written = Written { row, values, presets, collection };
        let rule = permission.validation.as_ref().map(|validation| &validation.rule);
        if let Some(fields) = rule.and_then(|rule| rule.broken_by(written)) {
            return Err(Mismatch::Invalid(fields));
        }
        let lacking = presets.into_iter().flatten().filter(|(name, _)| !has(values, name));
        let fields: Map<String, Value> = lacking.map(|(name, value)| (name.clone(), value.clone())).collect();
        if !fields.is_empty() {
            filled.push(Preset { row: row.clone(), fields });
        }
    }
    Ok(filled)
}

/// A pattern may name collections that do not have a field of the presets.
fn unfit(presets: &Map<String, Value>, collection: &Collection) -> Option<Misread> {
    presets.keys().find_map(|name| match own_field(collection, name, "presets") {
        Ok(FieldKind::Presentation) => Some(no_data(name)),
        Ok(
            FieldKind::Plain
            | FieldKind::ManyToOne { .. }
            | FieldKind::ManyToAny { .. }
            | FieldKind::OneToMany { .. },
        ) => None,
        Err(misread) => Some(misread),
    })
}

fn has(values: Option<&Map<String, Value>>, name: &str) -> bool {
    values.is_some_and(|values| values.contains_key(name))
}

/// Whether a field that the client may not name holds what the presets would put there anyway, in every row that has it.
pub(super) fn is_preset(permission: &Permission, access: &Access, call: &ToolCall, name: &str) -> bool {
    let makes = matches!(access.action, Action::Create | Action::Import);
    let preset = permission.presets.as_ref().filter(|_| makes).and_then(|presets| presets.get(name));
    let rows = access.carrier.rows();
    preset.is_some_and(|preset| {
        let same =
            |row: &Row| row.values(call).and_then(|row| row.get(name)).is_none_or(|value| value == preset);
        !rows.is_empty() && rows.iter().all(same)
    })
}
