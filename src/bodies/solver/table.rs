//! Type variables with an undo trail.
//!
//! One table serves a whole body: systems nest (a closure's statements are solved while the call around it is still open) and share it, so
//! that a backtracking outer system takes back what inner ones bound.

use smallvec::SmallVec;

use crate::types::ty::{Ty, TyKind};

/// The kinds of literals that a variable stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Literal {
    Int,
    Float,
    Bool,
    Nil,
    String,
    Character,
    Scalar,
    Interpolation,
    Array,
    Dictionary,
}

/// The literal kinds that a variable must accept, as a set.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct LiteralSet(u16);

impl LiteralSet {
    pub fn of(kind: Literal) -> LiteralSet {
        LiteralSet(1 << kind as u16)
    }
    pub fn union(self, other: LiteralSet) -> LiteralSet {
        LiteralSet(self.0 | other.0)
    }
    pub fn contains(self, kind: Literal) -> bool {
        self.0 & (1 << kind as u16) != 0
    }
    pub fn without(self, kind: Literal) -> LiteralSet {
        LiteralSet(self.0 & !(1 << kind as u16))
    }
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    pub fn iter(self) -> impl Iterator<Item = Literal> {
        ALL.into_iter().filter(move |&kind| self.contains(kind))
    }
}

const ALL: [Literal; 10] = [
    Literal::Int,
    Literal::Float,
    Literal::Bool,
    Literal::Nil,
    Literal::String,
    Literal::Character,
    Literal::Scalar,
    Literal::Interpolation,
    Literal::Array,
    Literal::Dictionary,
];

#[derive(Clone, Debug, Default)]
struct Var {
    /// Bound to this type; may itself mention variables.
    binding: Option<Ty>,
    literals: LiteralSet,
    /// The result of operators over nothing but literals: the kinds in the whole tree.
    soft: LiteralSet,
    /// Constraints to look at again when the variable is bound.
    watchers: SmallVec<[u32; 4]>,
    /// Conversions of the variable to something, among the watchers.
    uppers: SmallVec<[u32; 2]>,
}

#[derive(Clone, Debug)]
enum Undo {
    Bound(u32),
    Literals(u32, LiteralSet),
    /// The variable has this many watchers and uppers less.
    Watched(u32, u32, u32),
}

/// What happened to the variables after a moment.
pub struct TableDelta {
    first: usize,
    new: Vec<Var>,
    bound: Vec<(u32, Ty)>,
    literals: Vec<(u32, LiteralSet)>,
}

/// A point to return to.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    trail: usize,
    vars: usize,
}

/// The variables of one body.
#[derive(Default)]
pub struct Table {
    vars: Vec<Var>,
    trail: Vec<Undo>,
    /// Variables bound since the solver last looked.
    pub fresh: Vec<u32>,
}

impl Table {
    pub fn fresh(&mut self) -> Ty {
        self.vars.push(Var::default());
        Ty::new(TyKind::Infer(self.vars.len() as u32 - 1))
    }

    pub fn fresh_literal(&mut self, kind: Literal) -> Ty {
        let var = self.fresh();
        if let Some(last) = self.vars.last_mut() {
            last.literals = LiteralSet::of(kind);
        }
        var
    }

    pub fn len(&self) -> usize {
        self.vars.len()
    }

    pub fn is_empty(&self) -> bool {
        self.vars.is_empty()
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            trail: self.trail.len(),
            vars: self.vars.len(),
        }
    }

    pub fn rollback(&mut self, to: Snapshot) {
        while self.trail.len() > to.trail {
            match self.trail.pop() {
                Some(Undo::Bound(v)) => self.vars[v as usize].binding = None,
                Some(Undo::Literals(v, old)) => self.vars[v as usize].literals = old,
                Some(Undo::Watched(v, watchers, uppers)) => {
                    let var = &mut self.vars[v as usize];
                    let (n, m) = (var.watchers.len(), var.uppers.len());
                    var.watchers.truncate(n.saturating_sub(watchers as usize));
                    var.uppers.truncate(m.saturating_sub(uppers as usize));
                }
                None => break,
            }
        }
        self.vars.truncate(to.vars);
        self.fresh.clear();
    }

    /// What happened after the moment, to be made so again by [`Table::replay`].
    pub fn since(&self, from: Snapshot) -> TableDelta {
        let mut delta = TableDelta {
            first: from.vars,
            new: self.vars.get(from.vars..).unwrap_or_default().to_vec(),
            bound: Vec::new(),
            literals: Vec::new(),
        };
        let old = |v: u32| (v as usize) < from.vars;
        for undo in self.trail.get(from.trail..).unwrap_or_default() {
            match undo {
                Undo::Bound(v) if old(*v) => {
                    delta
                        .bound
                        .extend(self.vars[*v as usize].binding.map(|ty| (*v, ty)));
                }
                Undo::Literals(v, _) if old(*v) => {
                    delta.literals.push((*v, self.vars[*v as usize].literals));
                }
                _ => {}
            }
        }
        delta
    }

    /// Makes what happened after a moment so again, at that moment.
    pub fn replay(&mut self, delta: TableDelta) {
        self.vars.truncate(delta.first);
        self.vars.extend(delta.new);
        for (var, set) in delta.literals {
            self.add_literals(var, set);
        }
        for (var, ty) in delta.bound {
            self.vars[var as usize].binding = Some(ty);
            self.trail.push(Undo::Bound(var));
            // Systems around may wait for it.
            self.fresh.push(var);
        }
    }

    /// The type with its outermost variable followed to what it is bound to.
    pub fn shallow(&self, mut ty: Ty) -> Ty {
        while let TyKind::Infer(v) = ty.kind() {
            match self.vars.get(*v as usize).and_then(|var| var.binding) {
                Some(next) => ty = next,
                None => break,
            }
        }
        ty
    }

    /// The type with every bound variable replaced.
    pub fn resolve(&self, ty: Ty) -> Ty {
        if !ty.has_infer() {
            return ty;
        }
        ty.map(&mut |t| match t.kind() {
            _ if !t.has_infer() => Some(t),
            TyKind::Infer(_) => {
                let next = self.shallow(t);
                Some(match next.kind() {
                    TyKind::Infer(_) => next,
                    _ => self.resolve(next),
                })
            }
            _ => None,
        })
    }

    /// The unbound variable that the type is, if it is one.
    pub fn as_var(&self, ty: Ty) -> Option<u32> {
        match self.shallow(ty).kind() {
            TyKind::Infer(v) => Some(*v),
            _ => None,
        }
    }

    /// The literals that a variable stands for; none for one that a search has taken back, which only messages still mention.
    pub fn literals(&self, var: u32) -> LiteralSet {
        self.vars
            .get(var as usize)
            .map_or(LiteralSet::default(), |var| var.literals)
    }

    pub fn add_literals(&mut self, var: u32, set: LiteralSet) {
        let old = self.vars[var as usize].literals;
        let new = old.union(set);
        if new != old {
            self.trail.push(Undo::Literals(var, old));
            self.vars[var as usize].literals = new;
        }
    }

    /// Binds an unbound variable. The caller has made the occurs check.
    pub fn bind(&mut self, var: u32, ty: Ty) {
        debug_assert!(self.vars[var as usize].binding.is_none());
        if let TyKind::Infer(other) = ty.kind() {
            // The target takes over the demands and the watchers.
            let set = self.vars[var as usize].literals;
            self.add_literals(*other, set);
            let from = &self.vars[var as usize];
            let (watchers, uppers) = (from.watchers.clone(), from.uppers.clone());
            let (n, m) = (watchers.len() as u32, uppers.len() as u32);
            let to = &mut self.vars[*other as usize];
            to.watchers.extend(watchers);
            to.uppers.extend(uppers);
            self.trail.push(Undo::Watched(*other, n, m));
        }
        self.vars[var as usize].binding = Some(ty);
        self.trail.push(Undo::Bound(var));
        self.fresh.push(var);
    }

    /// Whether the variable occurs in the type.
    pub fn occurs(&self, var: u32, ty: Ty) -> bool {
        let ty = self.resolve(ty);
        ty.has_infer() && ty.any_part(&mut |t| matches!(t.kind(), TyKind::Infer(v) if *v == var))
    }

    pub fn watch(&mut self, var: u32, constraint: u32) {
        let watchers = &mut self.vars[var as usize].watchers;
        if watchers.last() != Some(&constraint) {
            watchers.push(constraint);
            self.trail.push(Undo::Watched(var, 1, 0));
        }
    }

    /// Notes that a constraint converts the variable to something.
    pub fn add_upper(&mut self, var: u32, constraint: u32) {
        let uppers = &mut self.vars[var as usize].uppers;
        if !uppers.contains(&constraint) {
            uppers.push(constraint);
            self.trail.push(Undo::Watched(var, 0, 1));
        }
    }

    /// The constraints that convert the variable to something; some may be done.
    pub fn uppers(&self, var: u32) -> &[u32] {
        &self.vars[var as usize].uppers
    }

    pub fn soft(&self, var: u32) -> LiteralSet {
        self.vars[var as usize].soft
    }

    /// Notes that a variable is the result of operators over literals of these kinds.
    pub fn set_soft(&mut self, var: u32, set: LiteralSet) {
        self.vars[var as usize].soft = set;
    }

    pub fn watchers(&self, var: u32) -> &[u32] {
        &self.vars[var as usize].watchers
    }

    /// Every unbound variable in the type, in order.
    pub fn vars_in(&self, ty: Ty, out: &mut SmallVec<[u32; 4]>) {
        let ty = self.resolve(ty);
        if !ty.has_infer() {
            return;
        }
        ty.any_part(&mut |t| {
            if let TyKind::Infer(v) = t.kind()
                && !out.contains(v)
            {
                out.push(*v);
            }
            false
        });
    }
}
