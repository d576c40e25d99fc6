//! Graphs as text, for `-emit-mir` and tests.

use super::data::*;
use crate::db::Db;
use crate::items::ids::{AccessorKind, DefId, DefKind};
use crate::types::ty::{Ty, TyList};
use std::fmt::Write;

/// The graph in a readable form.
pub fn dump(db: &dyn Db, mir: &Mir) -> String {
    let mut out = Dump {
        db,
        mir,
        text: String::new(),
    };
    out.all();
    out.text
}

struct Dump<'a> {
    db: &'a dyn Db,
    mir: &'a Mir,
    text: String,
}

impl Dump<'_> {
    fn all(&mut self) {
        let params: Vec<String> = self
            .mir
            .params
            .iter()
            .map(|&p| {
                let kind = match self.mir.locals[p].kind {
                    LocalKind::Owned => "owned ",
                    LocalKind::Inout => "inout ",
                    LocalKind::BorrowedAddress => "in ",
                    _ => "",
                };
                format!(
                    "{}: {kind}{}",
                    self.local(p),
                    self.ty(self.mir.locals[p].ty)
                )
            })
            .collect();
        let result = self.ty(self.mir.locals[self.mir.result].ty);
        let throws = match self.mir.throws {
            Some(t) => format!(" throws({})", self.ty(t)),
            None => String::new(),
        };
        let name = self.function(self.mir.id);
        let _ = writeln!(
            self.text,
            "fn {name}({}){throws} -> {result} {{",
            params.join(", ")
        );
        for (i, capture) in self.mir.captures.iter().enumerate() {
            let ty = self.ty(capture.ty);
            let _ = writeln!(
                self.text,
                "    capture {i}: {:?} {}: {ty}",
                capture.mode, capture.name
            );
        }
        for (local, decl) in self.mir.locals.iter() {
            if decl.kind == LocalKind::Var {
                let line = format!("    let {}: {}\n", self.local(local), self.ty(decl.ty));
                self.text.push_str(&line);
            }
        }
        for (block, data) in self.mir.blocks.iter() {
            let _ = writeln!(self.text, "  b{}:", block.raw());
            for stmt in &data.stmts {
                let line = self.statement(&stmt.kind);
                let _ = writeln!(self.text, "    {line}");
            }
            let line = match &data.term {
                Some(term) => self.terminator(term),
                None => "(unfinished)".to_owned(),
            };
            let _ = writeln!(self.text, "    {line}");
        }
        self.text.push_str("}\n");
    }

    fn ty(&self, ty: Ty) -> String {
        crate::types::display_type(self.db, ty, false)
    }
    fn types(&self, args: TyList) -> String {
        if args.is_empty() {
            return String::new();
        }
        let list: Vec<String> = args.iter().map(|t| self.ty(t)).collect();
        format!("<{}>", list.join(", "))
    }
    fn local(&self, local: Local) -> String {
        match self.mir.locals.get(local).and_then(|d| d.name) {
            _ if local == self.mir.result => "result".to_owned(),
            Some(name) => format!("{name}_{}", local.raw()),
            None => format!("_{}", local.raw()),
        }
    }
    fn def(&self, def: DefId) -> String {
        let own = match def.kind(self.db) {
            DefKind::Module | DefKind::File => return String::new(),
            DefKind::Accessor(kind) => match kind {
                AccessorKind::Get => "get",
                AccessorKind::Set => "set",
                AccessorKind::WillSet => "willSet",
                AccessorKind::DidSet => "didSet",
                AccessorKind::Read => "_read",
                AccessorKind::Modify => "_modify",
                AccessorKind::Address => "unsafeAddress",
                AccessorKind::MutableAddress => "unsafeMutableAddress",
                AccessorKind::Init => "init",
            }
            .to_owned(),
            DefKind::Init => format!(
                "init{}",
                def.name(self.db).as_str().trim_start_matches("init")
            ),
            DefKind::Deinit => "deinit".to_owned(),
            DefKind::Synth(s) => format!("{s:?}"),
            DefKind::Binding => format!("binding{}", def.index(self.db)),
            DefKind::DefaultArg => format!("default{}", def.index(self.db)),
            DefKind::TopLevel => "top level".to_owned(),
            _ => def.name(self.db).as_str().to_owned(),
        };
        let outer = def.parent(self.db).map(|p| self.def(p)).unwrap_or_default();
        match outer.is_empty() {
            true => own,
            false => format!("{outer}.{own}"),
        }
    }
    fn function(&self, id: FnId) -> String {
        let def = self.def(id.def);
        match id.kind {
            FnKind::Body => def,
            other => format!("{def}#{other:?}"),
        }
    }
    fn place(&self, place: &Place) -> String {
        let mut text = self.local(place.local);
        for proj in &place.path {
            match proj {
                Proj::Field(var) => {
                    let _ = write!(text, ".{}", var.name(self.db));
                }
                Proj::ClassField(var) => {
                    let _ = write!(text, "->{}", var.name(self.db));
                }
                Proj::Elem(i) => {
                    let _ = write!(text, ".{i}");
                }
                Proj::Payload(case) => {
                    let _ = write!(text, ".payload({})", case.name(self.db));
                }
                Proj::Deref(ty) => {
                    let _ = write!(text, ".deref({})", self.ty(*ty));
                }
                Proj::BoxValue(_) => text.push_str(".boxed"),
                Proj::Capture(i) => {
                    let _ = write!(text, ".capture{i}");
                }
            }
        }
        text
    }
    fn operand(&self, operand: &Operand) -> String {
        match operand {
            Operand::Copy(p) => format!("copy {}", self.place(p)),
            Operand::Move(p) => format!("move {}", self.place(p)),
            Operand::Borrow(p) => self.place(p),
            Operand::Const(c) => match c {
                Const::Int(v, ty) => format!("{v}: {}", self.ty(*ty)),
                Const::Float(bits, ty) => format!("{}: {}", f64::from_bits(*bits), self.ty(*ty)),
                Const::Str(text, _) => format!("{:?}", text.as_str()),
                Const::Unit => "()".to_owned(),
                Const::Metatype(ty) | Const::ProtocolMetatype(ty) => {
                    format!("{}.this", self.ty(*ty))
                }
                Const::Line(..) => "#line".to_owned(),
                Const::Column(..) => "#column".to_owned(),
                Const::Zero(ty) => format!("zero: {}", self.ty(*ty)),
            },
        }
    }
    fn operands(&self, list: &[Operand]) -> String {
        let list: Vec<String> = list.iter().map(|o| self.operand(o)).collect();
        list.join(", ")
    }
    fn arguments(&self, args: &[Argument]) -> String {
        let list: Vec<String> = args
            .iter()
            .map(|a| match a {
                Argument::Value(o) => self.operand(o),
                Argument::Address(p) => format!("&{}", self.place(p)),
            })
            .collect();
        list.join(", ")
    }
    fn callee(&self, callee: &Callee) -> String {
        match callee {
            Callee::Static(id, args) => format!("{}{}", self.function(*id), self.types(*args)),
            Callee::Witness(def, args) => {
                format!("witness {}{}", self.def(*def), self.types(*args))
            }
            Callee::Virtual(id, args) => {
                format!("virtual {}{}", self.function(*id), self.types(*args))
            }
            Callee::Value(o) => format!("value {}", self.operand(o)),
        }
    }
    fn rvalue(&self, value: &Rvalue) -> String {
        match value {
            Rvalue::Use(o) => self.operand(o),
            Rvalue::Aggregate(ty, list) => format!("{}({})", self.ty(*ty), self.operands(list)),
            Rvalue::Case { ty, case, payload } => {
                let name = case.name(self.db);
                match payload.is_empty() {
                    true => format!("{}.{name}", self.ty(*ty)),
                    false => format!("{}.{name}({})", self.ty(*ty), self.operands(payload)),
                }
            }
            Rvalue::Tag(p) => format!("tag {}", self.place(p)),
            Rvalue::IsCase(p, case) => format!("{} is .{}", self.place(p), case.name(self.db)),
            Rvalue::AllocObject { class, metatype } => match metatype {
                Some(m) => format!("object {} of {}", self.ty(*class), self.operand(m)),
                None => format!("object {}", self.ty(*class)),
            },
            Rvalue::AllocBox(ty) => format!("box {}", self.ty(*ty)),
            Rvalue::Closure {
                func,
                args,
                captures,
                on_stack,
                ..
            } => {
                let stack = if *on_stack { " on stack" } else { "" };
                format!(
                    "closure {}{} [{}]{stack}",
                    self.function(*func),
                    self.types(*args),
                    self.operands(captures)
                )
            }
            Rvalue::Function { callee, .. } => format!("function {}", self.callee(callee)),
            Rvalue::AddressOf(p) => format!("address of {}", self.place(p)),
            Rvalue::Erase { value, to, .. } => {
                format!("erase {} to {}", self.operand(value), self.ty(*to))
            }
            Rvalue::Upcast { value, to } => {
                format!("upcast {} to {}", self.operand(value), self.ty(*to))
            }
            Rvalue::DynamicType(p) => format!("type of {}", self.place(p)),
            Rvalue::LoadWeak(p) => format!("load weak {}", self.place(p)),
            Rvalue::LoadUnowned(p) => format!("load unowned {}", self.place(p)),
        }
    }
    fn statement(&self, kind: &StatementKind) -> String {
        match kind {
            StatementKind::Assign(p, value) => {
                format!("{} = {}", self.place(p), self.rvalue(value))
            }
            StatementKind::Destroy(p) => format!("destroy {}", self.place(p)),
            StatementKind::StoreWeak { place, value, init } => {
                let init = if *init { " (init)" } else { "" };
                format!(
                    "store weak {} = {}{init}",
                    self.place(place),
                    self.operand(value)
                )
            }
            StatementKind::StoreUnowned { place, value, init } => {
                let init = if *init { " (init)" } else { "" };
                format!(
                    "store unowned {} = {}{init}",
                    self.place(place),
                    self.operand(value)
                )
            }
            StatementKind::DestroyWeak(p) => format!("destroy weak {}", self.place(p)),
            StatementKind::DestroyUnowned(p) => format!("destroy unowned {}", self.place(p)),
            StatementKind::Call { dest, callee, args } => format!(
                "{} = call {}({})",
                self.place(dest),
                self.callee(callee),
                self.arguments(args)
            ),
            StatementKind::Cast {
                ok,
                dest,
                value,
                to,
                ..
            } => format!(
                "{}, {} = cast {} to {}",
                self.place(ok),
                self.place(dest),
                self.place(value),
                self.ty(*to)
            ),
            StatementKind::DeallocPartial(p) => format!("dealloc partial {}", self.place(p)),
            StatementKind::DeallocBox(p) => format!("dealloc box {}", self.place(p)),
            StatementKind::StorageLive(l) => format!("storage live {}", self.local(*l)),
            StatementKind::StorageDead(l) => format!("storage dead {}", self.local(*l)),
            StatementKind::Nop => "nop".to_owned(),
        }
    }
    fn terminator(&self, term: &Terminator) -> String {
        match term {
            Terminator::Goto(b) => format!("goto b{}", b.raw()),
            Terminator::If { cond, then, els } => {
                format!(
                    "if {} then b{} else b{}",
                    self.operand(cond),
                    then.raw(),
                    els.raw()
                )
            }
            Terminator::Switch {
                value,
                targets,
                default,
            } => {
                let list: Vec<String> = targets
                    .iter()
                    .map(|(v, b)| format!("{v}: b{}", b.raw()))
                    .collect();
                format!(
                    "switch {} [{}] else b{}",
                    self.operand(value),
                    list.join(", "),
                    default.raw()
                )
            }
            Terminator::TryCall {
                dest,
                error,
                callee,
                args,
                normal,
                unwind,
            } => format!(
                "{} = try {}({}) then b{} else {} in b{}",
                self.place(dest),
                self.callee(callee),
                self.arguments(args),
                normal.raw(),
                self.place(error),
                unwind.raw()
            ),
            Terminator::Return => "return".to_owned(),
            Terminator::Throw(o) => format!("throw {}", self.operand(o)),
            Terminator::Trap(kind) => format!("trap {kind:?}"),
            Terminator::Unreachable => "unreachable".to_owned(),
        }
    }
}
