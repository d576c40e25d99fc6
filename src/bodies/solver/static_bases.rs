//! `.name` where a generic parameter is expected: the type is found through the member.
//!
//! A static member in an extension of a protocol whose `Self` is one type, as in `extension Style where Self == Plain { static var plain… }`,
//! stands for that type wherever something that conforms to the protocol is wanted.

use crate::base::{FxHashMap, Name};
use crate::bodies::check::Checker;
use crate::bodies::decl;
use crate::items::ids::DefId;
use crate::resolve::members::declared_named;
use crate::types::env::self_param;
use crate::types::generics::{Requirement, generics};
use crate::types::protocols::inherited_protocols;
use crate::types::ty::{Ty, TyKind};

use super::infer::Bounds;
use super::{Constraint, Failure, Lookup};

impl<'db> Checker<'db> {
    /// Binds the bases of implicit members that nothing but protocols is known of, where these tell one type that has such a member.
    pub fn bind_static_bases(&mut self) -> Result<bool, Box<Failure>> {
        let mut bases: Vec<(u32, Name)> = Vec::new();
        for id in self.cs.waiting() {
            if let Constraint::Member {
                base,
                name,
                how: Lookup::Implicit,
                ..
            } = &self.cs.constraints[id as usize]
                && let TyKind::Metatype(instance) = self.table.shallow(*base).kind()
                && let Some(var) = self.table.as_var(*instance)
            {
                bases.push((var, *name));
            }
        }
        if bases.is_empty() {
            return Ok(false);
        }
        let map = self.all_bounds();
        let mut any = false;
        for (var, name) in bases {
            if self.table.as_var(Ty::new(TyKind::Infer(var))) == Some(var)
                && let Some(ty) = self.static_base(var, name, &map)
            {
                self.table.bind(var, ty);
                any = true;
            }
        }
        if any {
            self.simplify()?;
        }
        Ok(any)
    }

    /// The one type that the protocols of a variable, or of those that it converts to, have a static member of this name for.
    fn static_base(&self, var: u32, name: Name, map: &FxHashMap<u32, Bounds>) -> Option<Ty> {
        let db = self.db;
        let mut protocols: Vec<DefId> = Vec::new();
        let mut at = map.get(&var);
        // A chain of variables is never longer than the conversions around one expression.
        for _ in 0..8 {
            let Some(bounds) = at else { break };
            for &protocol in &bounds.conforms {
                protocols.push(protocol);
                protocols.extend(inherited_protocols(db, protocol));
            }
            at = bounds.upper_vars.first().and_then(|v| map.get(v));
        }
        let mut found: Option<Ty> = None;
        for protocol in protocols {
            for &member in declared_named(db, protocol, name) {
                let Some(extension) = member.parent(db) else {
                    continue;
                };
                if !decl::in_extension(db, member) || !decl::is_static(db, member) {
                    continue;
                }
                for requirement in generics(db, extension).requirements.iter() {
                    let Requirement::Same(a, b) = *requirement else {
                        continue;
                    };
                    let ty = match (a == self_param(), b == self_param()) {
                        (true, _) => b,
                        (_, true) => a,
                        _ => continue,
                    };
                    if ty.has_params() || found.is_some_and(|other| other != ty) {
                        return None;
                    }
                    found = Some(ty);
                }
            }
        }
        found
    }
}
