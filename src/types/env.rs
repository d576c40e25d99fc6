//! What follows from a declaration's generic requirements.
//!
//! Type parameters (`T`, `T.Element`, `T.Element.Index`…) that are equal form a class with one representative, all protocols that any of them
//! conforms to, and perhaps a superclass or a concrete type. The classes are found by congruence closure when the environment is built. Since
//! protocols like `Collection` imply endlessly many type parameters, only those near the declared parameters and those that are written
//! somewhere are expanded; deeper ones are answered by composition from the environments of the protocols themselves.

use crate::base::{FxHashMap, Name};
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::resolve::decls::{all_protocols, superclass_decl};
use crate::types::conformance::assoc_type_unchecked;
use crate::types::generics::{Requirement, generic_env};
use crate::types::protocols::{
    assoc_named, assoc_root, inherited_protocols, is_class_bound, protocol_signature,
};
use crate::types::ty::{Ty, TyKind};
use smallvec::SmallVec;

/// The closure of a list of requirements; see the module's page.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GenericEnv {
    nodes: Vec<Node>,
    index: FxHashMap<Ty, u32>,
    /// A requirement that contradicts another: a type parameter equal to two different types.
    pub conflicts: Vec<(Ty, Ty)>,
}

/// A type parameter; the facts are kept at the root of its class.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Node {
    ty: Ty,
    depth: u32,
    up: u32,
    /// Its associated types by name: equal bases have equal ones.
    children: SmallVec<[(Name, u32); 4]>,
    protocols: SmallVec<[DefId; 4]>,
    /// Those whose own requirements have been added.
    expanded: SmallVec<[DefId; 4]>,
    superclass: Option<Ty>,
    class_bound: bool,
    concrete: Option<Ty>,
    /// Written in a requirement: expanded at any depth.
    wanted: bool,
}

/// More type parameters than any sensible declaration implies; nothing is expanded beyond.
const MAX_NODES: usize = 1500;
/// Type parameters this near to a declared one are always expanded.
const EAGER_DEPTH: u32 = 1;
/// How deeply reduction may nest before a type is left as it is.
const MAX_REDUCTIONS: u32 = 60;

/// Whether a type is a type parameter: a generic parameter, or an associated type of one.
pub fn is_type_param(ty: Ty) -> bool {
    match ty.kind() {
        TyKind::Param { .. } => true,
        TyKind::Assoc { base, .. } => is_type_param(*base),
        _ => false,
    }
}

impl GenericEnv {
    fn find(&self, mut node: u32) -> u32 {
        while self.nodes[node as usize].up != node {
            node = self.nodes[node as usize].up;
        }
        node
    }

    fn root(&self, node: u32) -> &Node {
        &self.nodes[self.find(node) as usize]
    }

    fn push(&mut self, ty: Ty, depth: u32) -> u32 {
        let id = self.nodes.len() as u32;
        self.nodes.push(Node {
            ty,
            depth,
            up: id,
            children: SmallVec::new(),
            protocols: SmallVec::new(),
            expanded: SmallVec::new(),
            superclass: None,
            class_bound: false,
            concrete: None,
            wanted: false,
        });
        self.index.insert(ty, id);
        id
    }

    /// The class of a type parameter, made if there is none.
    fn node(&mut self, db: &dyn Db, ty: Ty) -> Option<u32> {
        if let Some(&found) = self.index.get(&ty) {
            return Some(self.find(found));
        }
        match ty.kind() {
            TyKind::Param { .. } => Some(self.push(ty, 0)),
            TyKind::Assoc { base, assoc } => {
                let base = self.node(db, *base)?;
                Some(self.child(db, base, *assoc))
            }
            _ => None,
        }
    }

    fn child(&mut self, db: &dyn Db, base: u32, assoc: DefId) -> u32 {
        let base = self.find(base);
        let name = assoc.name(db);
        let node = &self.nodes[base as usize];
        if let Some(&(_, child)) = node.children.iter().find(|(n, _)| *n == name) {
            return self.find(child);
        }
        let (ty, depth, concrete) = (node.ty, node.depth + 1, node.concrete);
        let id = self.push(Ty::new(TyKind::Assoc { base: ty, assoc }), depth);
        self.nodes[base as usize].children.push((name, id));
        if let Some(concrete) = concrete {
            self.child_of_concrete(db, id, concrete, assoc);
        }
        self.find(id)
    }

    /// An associated type of a class that is a concrete type is that type's.
    fn child_of_concrete(&mut self, db: &dyn Db, child: u32, concrete: Ty, assoc: DefId) {
        if let Some(ty) = assoc_type_unchecked(db, concrete, assoc) {
            let child = self.nodes[self.find(child) as usize].ty;
            self.add(db, Requirement::Same(child, ty));
        }
    }

    /// Adds a requirement and what follows.
    pub fn add(&mut self, db: &dyn Db, requirement: Requirement) {
        match requirement {
            Requirement::Conforms(ty, protocol) => {
                if let Some(node) = self.node(db, ty) {
                    self.add_protocol(db, node, protocol);
                }
            }
            Requirement::Class(ty) => {
                if let Some(node) = self.node(db, ty) {
                    self.nodes[node as usize].class_bound = true;
                }
            }
            Requirement::Superclass(ty, class) => {
                if let Some(node) = self.node(db, ty) {
                    let node = &mut self.nodes[node as usize];
                    node.class_bound = true;
                    node.superclass = node.superclass.or(Some(class));
                }
            }
            Requirement::Same(a, b) => self.same(db, a, b),
        }
    }

    fn same(&mut self, db: &dyn Db, a: Ty, b: Ty) {
        if a == b || a.is_error() || b.is_error() {
            return;
        }
        match (self.node(db, a), self.node(db, b)) {
            (Some(a), Some(b)) => self.union(db, a, b),
            (Some(node), None) => self.set_concrete(db, node, b),
            (None, Some(node)) => self.set_concrete(db, node, a),
            (None, None) => self.same_parts(db, a, b),
        }
    }

    /// Two concrete types are equal: so are their parts.
    fn same_parts(&mut self, db: &dyn Db, a: Ty, b: Ty) {
        match (a.kind(), b.kind()) {
            (TyKind::Nominal { def: x, args: p }, TyKind::Nominal { def: y, args: q })
                if x == y =>
            {
                for (p, q) in p.iter().zip(q.iter()) {
                    self.same(db, p, q);
                }
            }
            (TyKind::Tuple(x), TyKind::Tuple(y)) if x.len() == y.len() => {
                for (p, q) in x.iter().zip(y.iter()) {
                    self.same(db, p.ty, q.ty);
                }
            }
            // A projection may still reduce to the other.
            _ if a.has_projection() || b.has_projection() => {}
            (TyKind::Function(_), _) | (_, TyKind::Function(_)) => {}
            _ => self.conflicts.push((a, b)),
        }
    }

    fn set_concrete(&mut self, db: &dyn Db, node: u32, ty: Ty) {
        let root = self.find(node);
        // A projection of a concrete type may be a type parameter after all.
        let ty = match ty.kind() {
            TyKind::Assoc { .. } => {
                let reduced = self.reduce(db, ty);
                if is_type_param(reduced) || reduced == ty {
                    if is_type_param(reduced) {
                        let own = self.nodes[root as usize].ty;
                        self.same(db, own, reduced);
                    }
                    return;
                }
                reduced
            }
            _ => ty,
        };
        if let Some(old) = self.nodes[root as usize].concrete {
            return self.same(db, old, ty);
        }
        // `T == [T]` has no solution.
        let own = self.nodes[root as usize].ty;
        if ty.any_part(&mut |t| t == own) {
            self.conflicts.push((own, ty));
            return;
        }
        self.nodes[root as usize].concrete = Some(ty);
        let children: Vec<u32> = self.nodes[root as usize]
            .children
            .iter()
            .map(|c| c.1)
            .collect();
        for child in children {
            if let TyKind::Assoc { assoc, .. } = self.nodes[child as usize].ty.kind() {
                self.child_of_concrete(db, child, ty, *assoc);
            }
        }
    }

    fn union(&mut self, db: &dyn Db, a: u32, b: u32) {
        let (mut a, mut b) = (self.find(a), self.find(b));
        if a == b {
            return;
        }
        if self.order(db, b) < self.order(db, a) {
            std::mem::swap(&mut a, &mut b);
        }
        let absorbed = std::mem::replace(
            &mut self.nodes[b as usize],
            Node {
                ty: Ty::error(),
                depth: 0,
                up: a,
                children: SmallVec::new(),
                protocols: SmallVec::new(),
                expanded: SmallVec::new(),
                superclass: None,
                class_bound: false,
                concrete: None,
                wanted: false,
            },
        );
        self.nodes[b as usize].ty = absorbed.ty;
        self.nodes[b as usize].depth = absorbed.depth;
        let root = &mut self.nodes[a as usize];
        root.class_bound |= absorbed.class_bound;
        root.wanted |= absorbed.wanted;
        root.superclass = root.superclass.or(absorbed.superclass);
        for &(name, child) in &absorbed.children {
            let root = &mut self.nodes[a as usize];
            match root.children.iter().find(|(n, _)| *n == name) {
                Some(&(_, own)) => self.union(db, own, child),
                None => root.children.push((name, child)),
            }
            a = self.find(a);
        }
        if let Some(concrete) = absorbed.concrete {
            self.set_concrete(db, a, concrete);
            a = self.find(a);
        } else if let Some(concrete) = self.nodes[a as usize].concrete {
            for &(_, child) in &absorbed.children {
                if let TyKind::Assoc { assoc, .. } = self.nodes[child as usize].ty.kind() {
                    self.child_of_concrete(db, child, concrete, *assoc);
                }
            }
            a = self.find(a);
        }
        for protocol in absorbed.protocols {
            self.add_protocol(db, a, protocol);
            a = self.find(a);
        }
        self.expand(db, a);
    }

    /// Representatives are the least by depth, then by parameter, then by names.
    fn order(&self, db: &dyn Db, node: u32) -> (u32, u32, Vec<&'static str>) {
        let node = &self.nodes[node as usize];
        let mut names = Vec::new();
        let mut at = node.ty;
        loop {
            match at.kind() {
                TyKind::Assoc { base, assoc } => {
                    names.push(assoc.name(db).as_str());
                    at = *base;
                }
                TyKind::Param { index, .. } => {
                    names.reverse();
                    return (node.depth, *index, names);
                }
                _ => return (node.depth, 0, names),
            }
        }
    }

    fn add_protocol(&mut self, db: &dyn Db, node: u32, protocol: DefId) {
        let root = self.find(node);
        if self.nodes[root as usize].protocols.contains(&protocol) {
            return self.expand(db, root);
        }
        for &p in std::iter::once(&protocol).chain(inherited_protocols(db, protocol)) {
            let node = &mut self.nodes[root as usize];
            if !node.protocols.contains(&p) {
                node.protocols.push(p);
                node.class_bound |= is_class_bound(db, p);
            }
        }
        self.expand(db, root);
    }

    fn expand(&mut self, db: &dyn Db, node: u32) {
        loop {
            let root = self.find(node);
            let at = &self.nodes[root as usize];
            if (at.depth > EAGER_DEPTH && !at.wanted) || self.nodes.len() > MAX_NODES {
                return;
            }
            let mut protocols = at.protocols.iter().copied();
            let Some(next) = protocols.find(|p| !at.expanded.contains(p)) else {
                return;
            };
            let this = at.ty;
            self.nodes[root as usize].expanded.push(next);
            for requirement in protocol_signature(db, next) {
                self.add(db, requirement.subst(&[this]));
            }
        }
    }

    /// Marks a written type parameter and those that it goes through, so that they are expanded at any depth.
    pub fn want(&mut self, db: &dyn Db, ty: Ty) {
        let Some(node) = self.node(db, ty) else {
            return;
        };
        if let TyKind::Assoc { base, .. } = ty.kind() {
            self.want(db, *base);
        }
        let node = self.find(node);
        self.nodes[node as usize].wanted = true;
        self.expand(db, node);
    }

    /// The representative of a type parameter, or the concrete type that it equals. Other types are returned as they are, except for a
    /// projection, which is reduced where its base is known.
    pub fn reduce(&self, db: &dyn Db, ty: Ty) -> Ty {
        self.reduce_within(db, ty, MAX_REDUCTIONS)
    }

    fn reduce_within(&self, db: &dyn Db, ty: Ty, fuel: u32) -> Ty {
        if fuel == 0 {
            return ty;
        }
        if let Some(&node) = self.index.get(&ty) {
            let root = self.root(node);
            return match root.concrete {
                Some(concrete) => self.reduce_within(db, concrete, fuel - 1),
                None => root.ty,
            };
        }
        let TyKind::Assoc { base, assoc } = ty.kind() else {
            return ty;
        };
        let base = self.reduce_within(db, *base, fuel - 1);
        if !is_type_param(base) {
            return match assoc_type_unchecked(db, base, *assoc) {
                Some(found) if found != ty => self.reduce_within(db, found, fuel - 1),
                _ => Ty::new(TyKind::Assoc {
                    base,
                    assoc: *assoc,
                }),
            };
        }
        if let Some(&node) = self.index.get(&base) {
            let name = assoc.name(db);
            let children = &self.root(node).children;
            if let Some(&(_, child)) = children.iter().find(|(n, _)| *n == name) {
                let root = self.root(child);
                return match root.concrete {
                    Some(concrete) => self.reduce_within(db, concrete, fuel - 1),
                    None => root.ty,
                };
            }
        }
        // Deeper than what was expanded: what the protocol says of its own `Self` holds for this base.
        let rebuilt = Ty::new(TyKind::Assoc {
            base,
            assoc: *assoc,
        });
        for protocol in self.protocols_of(db, base) {
            if assoc_named(db, &[protocol], assoc.name(db)).is_none() {
                continue;
            }
            let Some(env) = generic_env(db, protocol) else {
                continue;
            };
            let inner = Ty::new(TyKind::Assoc {
                base: self_param(),
                assoc: *assoc,
            });
            let reduced = env.reduce_within(db, inner, fuel / 2);
            if reduced != inner {
                return self.reduce_within(db, reduced.subst(&[base]), fuel - 1);
            }
        }
        if let Some(class) = self.superclass_of(db, base)
            && let Some(found) = assoc_type_unchecked(db, class, *assoc)
        {
            return self.reduce_within(db, found, fuel - 1);
        }
        rebuilt
    }

    /// Every protocol that a type parameter is known to conform to, inherited ones included, without those of a superclass.
    pub fn protocols_of(&self, db: &dyn Db, ty: Ty) -> Vec<DefId> {
        if let Some(&node) = self.index.get(&ty) {
            let root = self.root(node);
            let mut protocols = root.protocols.to_vec();
            if let Some(class) = root.superclass.and_then(|c| c.nominal_def()) {
                add_class_protocols(db, class, &mut protocols);
            }
            return protocols;
        }
        let TyKind::Assoc { base, assoc } = ty.kind() else {
            return Vec::new();
        };
        let reduced = self.reduce(db, *base);
        if reduced != *base && is_type_param(reduced) {
            let same = Ty::new(TyKind::Assoc {
                base: reduced,
                assoc: *assoc,
            });
            return self.protocols_of(db, same);
        }
        let inner = Ty::new(TyKind::Assoc {
            base: self_param(),
            assoc: *assoc,
        });
        let mut found: Vec<DefId> = Vec::new();
        for protocol in self.protocols_of(db, reduced) {
            let Some(env) = generic_env(db, protocol) else {
                continue;
            };
            if !env.index.contains_key(&inner) {
                continue;
            }
            for p in env.protocols_of(db, inner) {
                if !found.contains(&p) {
                    found.push(p);
                }
            }
        }
        found
    }

    /// The class that a type parameter is or inherits from.
    pub fn superclass_of(&self, db: &dyn Db, ty: Ty) -> Option<Ty> {
        let own = self.index.get(&ty).and_then(|&n| self.root(n).superclass);
        own.or_else(|| {
            let protocols = self.protocols_of_node(ty);
            protocols.iter().find_map(|&p| {
                superclass_decl(db, p)?;
                crate::types::nominal::superclass(db, p)
            })
        })
    }

    fn protocols_of_node(&self, ty: Ty) -> &[DefId] {
        self.index
            .get(&ty)
            .map_or(&[], |&n| &self.root(n).protocols)
    }

    /// Whether a type parameter stands for a class.
    pub fn is_class(&self, db: &dyn Db, ty: Ty) -> bool {
        match self.index.get(&ty) {
            Some(&node) => self.root(node).class_bound,
            None => self
                .protocols_of(db, ty)
                .iter()
                .any(|&p| is_class_bound(db, p)),
        }
    }

    /// The type parameters that the environment holds, representatives only.
    pub fn representatives(&self) -> impl Iterator<Item = Ty> + '_ {
        let roots = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(i, n)| n.up == *i as u32);
        roots.map(|(_, n)| n.ty)
    }
}

fn add_class_protocols(db: &dyn Db, class: DefId, out: &mut Vec<DefId>) {
    let mut at = Some(class);
    let mut steps = 0;
    while let Some(class) = at {
        for &p in all_protocols(db, class) {
            if !out.contains(&p) {
                out.push(p);
            }
        }
        steps += 1;
        at = superclass_decl(db, class).filter(|_| steps < 100);
    }
}

/// `Self` of protocols.
pub fn self_param() -> Ty {
    use std::sync::OnceLock;
    static SELF: OnceLock<Ty> = OnceLock::new();
    *SELF.get_or_init(|| Ty::param(0, Name::new("Self")))
}

/// An associated type of `Self`.
pub fn self_assoc(db: &dyn Db, assoc: DefId) -> Ty {
    debug_assert!(assoc.kind(db) == DefKind::AssociatedType);
    Ty::new(TyKind::Assoc {
        base: self_param(),
        assoc: assoc_root(db, assoc),
    })
}
