//! Programs made by hand from MIR, generated, linked and run.

use std::cell::RefCell;
use std::process::Command;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::blob::{LineKey, SymbolName};
use super::cx::{
    CalleeShape, CaseInfo, DefData, NominalKind, Ownership, Passing, Program, Slot, StoredProperty,
    ThisMode,
};
use super::key::{CodeKey, CodeUnit, CodegenError, DynamicCall};
use super::layout::{self, ClassLayout, Layout, TagKind};
use super::record::table::Bits;
use super::record::{Generator, LinePlace, ProgramRecord};
use super::{emit, mangle, metadata};
use crate::base::{Arena, Fingerprint, Idx, Name, Processors};
use crate::db::RootDatabase;
use crate::items::ids::{DefId, DefKind};
use crate::link::image::{ImageOptions, write_image};
use crate::link::memory_image::MemoryImage;
use crate::mir::data::*;
use crate::session::OptLevel;
use crate::types::ty::{
    BuiltinTy, Existential, FnParam, FnRepr, FnTy, ParamMode, Ty, TyKind, TyList,
};

/// A program of declarations made by hand.
struct World {
    db: RootDatabase,
    module: DefId,
    properties: FxHashMap<DefId, Vec<StoredProperty>>,
    cases: FxHashMap<DefId, Vec<CaseInfo>>,
    superclasses: FxHashMap<DefId, Ty>,
    vtables: FxHashMap<DefId, Vec<Slot>>,
    deinits: FxHashMap<DefId, DefId>,
    requirements: FxHashMap<DefId, Vec<DefId>>,
    witnesses: FxHashMap<(DefId, Ty), FnId>,
    intrinsics: FxHashMap<DefId, &'static str>,
    runtime: FxHashMap<DefId, Name>,
    shapes: FxHashMap<FnId, CalleeShape>,
    mirs: FxHashMap<FnId, &'static Mir>,
    layouts: RefCell<FxHashMap<Ty, &'static Layout>>,
}

impl World {
    fn new() -> World {
        let db = RootDatabase::new();
        let module = DefId::new(&db, None, DefKind::Module, Name::new("main"), 0);
        World {
            db,
            module,
            properties: Default::default(),
            cases: Default::default(),
            superclasses: Default::default(),
            vtables: Default::default(),
            deinits: Default::default(),
            requirements: Default::default(),
            witnesses: Default::default(),
            intrinsics: Default::default(),
            runtime: Default::default(),
            shapes: Default::default(),
            mirs: Default::default(),
            layouts: Default::default(),
        }
    }
    fn def(&self, parent: DefId, kind: DefKind, name: &str) -> DefId {
        DefId::new(&self.db, Some(parent), kind, Name::new(name), 0)
    }
    fn top(&self, kind: DefKind, name: &str) -> DefId {
        self.def(self.module, kind, name)
    }
    fn field(&self, owner: DefId, name: &str, ty: Ty) -> StoredProperty {
        StoredProperty {
            def: self.def(owner, DefKind::Var, name),
            name: Name::new(name),
            ty,
            ownership: Ownership::Strong,
            is_let: false,
        }
    }
    fn structure(&mut self, name: &str, fields: &[(&str, Ty)]) -> (Ty, Vec<DefId>) {
        let def = self.top(DefKind::Struct, name);
        let list: Vec<_> = fields
            .iter()
            .map(|(name, ty)| self.field(def, name, *ty))
            .collect();
        let defs = list.iter().map(|p| p.def).collect();
        self.properties.insert(def, list);
        (Ty::nominal(def, &[]), defs)
    }
    fn enumeration(&mut self, name: &str, cases: &[(&str, Option<&[Ty]>)]) -> (Ty, Vec<DefId>) {
        let def = self.top(DefKind::Enum, name);
        let list: Vec<_> = cases
            .iter()
            .map(|(name, payload)| CaseInfo {
                def: self.def(def, DefKind::Case, name),
                name: Name::new(name),
                payload: payload.map(|types| types.iter().map(|ty| (None, *ty)).collect()),
                indirect: name.starts_with("indirect"),
            })
            .collect();
        let defs = list.iter().map(|c| c.def).collect();
        self.cases.insert(def, list);
        (Ty::nominal(def, &[]), defs)
    }
    /// Calls of an operation of module `Builtin`.
    fn operation(&mut self, name: &'static str, types: &[Ty]) -> Callee {
        let def = self.top(DefKind::Func, name);
        self.intrinsics.insert(def, name);
        Callee::Static(body(def), TyList::new(types))
    }
    fn runtime(&mut self, name: &str) -> Callee {
        let def = self.top(DefKind::Func, name);
        self.runtime.insert(def, Name::new(name));
        Callee::Static(body(def), TyList::empty())
    }
    fn add(&mut self, mir: Mir) -> FnId {
        let id = mir.id;
        let params = mir
            .params
            .iter()
            .map(|&p| {
                let decl = &mir.locals[p];
                let passing = match decl.kind {
                    LocalKind::Inout => Passing::Inout,
                    LocalKind::Owned => Passing::Owned,
                    _ => Passing::Borrow,
                };
                (decl.ty, passing)
            })
            .collect();
        self.shapes.entry(id).or_insert(CalleeShape {
            params,
            this: ThisMode::None,
            result: mir.locals[mir.result].ty,
            throws: mir.throws,
        });
        self.mirs.insert(id, Box::leak(Box::new(mir)));
        id
    }
}

fn body(def: DefId) -> FnId {
    FnId {
        def,
        kind: FnKind::Body,
    }
}

impl Program<'static> for World {
    fn layout(&self, ty: Ty) -> &'static Layout {
        let known = self.layouts.borrow().get(&ty).copied();
        known.unwrap_or_else(|| {
            let layout: &'static Layout = Box::leak(Box::new(layout::compute(self, ty)));
            self.layouts.borrow_mut().insert(ty, layout);
            layout
        })
    }
    fn class_layout(&self, class: Ty) -> &'static ClassLayout {
        Box::leak(Box::new(layout::compute_class(self, class)))
    }
    fn mir(&self, id: FnId) -> Option<&'static Mir> {
        self.mirs.get(&id).copied()
    }
    fn normalize(&self, ty: Ty) -> Ty {
        ty
    }
    fn symbol(&self, key: &CodeKey) -> SymbolName {
        SymbolName::new(&mangle::symbol(self, key))
    }
    fn def(&self, def: DefId) -> DefData {
        DefData {
            parent: def.parent(&self.db),
            kind: def.kind(&self.db),
            name: def.name(&self.db),
            index: def.index(&self.db),
        }
    }
    fn nominal_kind(&self, def: DefId) -> NominalKind {
        match def.kind(&self.db) {
            DefKind::Struct => NominalKind::Struct,
            DefKind::Enum => NominalKind::Enum,
            DefKind::Class => NominalKind::Class,
            _ => NominalKind::Other,
        }
    }
    fn stored_properties(&self, nominal: DefId) -> Vec<StoredProperty> {
        self.properties.get(&nominal).cloned().unwrap_or_default()
    }
    fn enum_cases(&self, def: DefId) -> Vec<CaseInfo> {
        self.cases.get(&def).cloned().unwrap_or_default()
    }
    fn superclass(&self, class: Ty) -> Option<Ty> {
        self.superclasses.get(&class.nominal_def()?).copied()
    }
    fn deinit(&self, class: DefId) -> Option<DefId> {
        self.deinits.get(&class).copied()
    }
    fn vtable(&self, class: DefId) -> Vec<Slot> {
        self.vtables.get(&class).cloned().unwrap_or_default()
    }
    fn vtable_slot(&self, id: FnId) -> Option<u32> {
        let class = self.class_of_member(id.def)?;
        let slot = self
            .vtable(class)
            .iter()
            .position(|s| s.method == id || s.implementation == id)?;
        Some(slot as u32)
    }
    fn requirements(&self, protocol: DefId) -> Vec<DefId> {
        self.requirements
            .get(&protocol)
            .cloned()
            .unwrap_or_default()
    }
    fn inherited_protocols(&self, _: DefId) -> Vec<DefId> {
        Vec::new()
    }
    fn is_marker(&self, _: DefId) -> bool {
        false
    }
    fn is_class_bound(&self, _: DefId) -> bool {
        false
    }
    fn error_protocol(&self) -> Option<DefId> {
        Some(self.top(DefKind::Protocol, "Error"))
    }
    fn requirement_owner(&self, def: DefId) -> Option<DefId> {
        let parent = def.parent(&self.db)?;
        (parent.kind(&self.db) == DefKind::Protocol).then_some(parent)
    }
    fn witness(&self, requirement: DefId, args: TyList) -> Option<(FnId, TyList)> {
        let this = *args.as_slice().first()?;
        let id = self.witnesses.get(&(requirement, this))?;
        Some((*id, TyList::empty()))
    }
    fn conforms(&self, ty: Ty, protocol: DefId) -> bool {
        self.requirements(protocol)
            .iter()
            .any(|&r| self.witnesses.contains_key(&(r, ty)))
    }
    fn intrinsic(&self, def: DefId) -> Option<&'static str> {
        self.intrinsics.get(&def).copied()
    }
    fn runtime_symbol(&self, def: DefId) -> Option<Name> {
        self.runtime.get(&def).copied()
    }
    fn callee_shape(&self, id: FnId, _: TyList) -> CalleeShape {
        self.shapes[&id].clone()
    }
    fn specialized(&self, instance: Instance) -> Option<std::sync::Arc<Mir>> {
        super::optimize::specialized(self, instance).map(std::sync::Arc::new)
    }
    fn optimized(&self, _: Instance) -> Option<&'static Mir> {
        None
    }
    fn may_inline(&self, _: FnId) -> bool {
        false
    }
    fn only_implementation(&self, _: FnId) -> Option<FnId> {
        None
    }
    fn is_transparent(&self, id: FnId) -> bool {
        self.mirs.get(&id).is_some_and(|mir| mir.transparent)
    }
    fn class_of_member(&self, def: DefId) -> Option<DefId> {
        let parent = def.parent(&self.db)?;
        (parent.kind(&self.db) == DefKind::Class).then_some(parent)
    }
    fn own_generic_count(&self, _: DefId) -> usize {
        0
    }
    fn is_dispatchable(&self, _: DefId) -> bool {
        true
    }
    fn opened_argument(&self, _: FnId, _: TyList) -> Option<u32> {
        None
    }
    fn this_type(&self, _: DefId, _: TyList) -> Option<Ty> {
        None
    }
    fn serves(&self, _: DynamicCall, _: Ty) -> bool {
        false
    }
    fn var_type(&self, _: DefId, _: TyList) -> Ty {
        Ty::unit()
    }
    fn global_initial_value(&self, _: DefId) -> Option<super::cx::GlobalInitial> {
        None
    }
    fn cast_hooks(&self) -> Option<super::cx::CastHooks> {
        None
    }
    fn string_storage(&self) -> Option<Ty> {
        None
    }
    fn is_optional(&self, _: DefId) -> bool {
        false
    }
    fn protocol_name(&self, protocol: DefId) -> String {
        protocol.name(&self.db).to_string()
    }
    fn type_name(&self, ty: Ty, _: bool) -> String {
        match ty.nominal_def() {
            Some(def) => def.name(&self.db).to_string(),
            None => format!("{ty:?}"),
        }
    }
    fn file_name(&self, _: DefId) -> Name {
        Name::new("main/test.code")
    }
    fn line_number_key(&self, _: DefId) -> u64 {
        0
    }
}

/// Generates everything on the calling thread.
struct Serial(*const World);

// SAFETY: the update runs a single generator on the calling thread.
unsafe impl Send for Serial {}

impl Serial {
    fn world(&self) -> &World {
        // SAFETY: the world outlives the update.
        unsafe { &*self.0 }
    }
}

impl Generator for Serial {
    fn unit(&self, key: CodeKey) -> Result<Arc<CodeUnit>, CodegenError> {
        let world = self.world();
        if metadata::is_function(&key) {
            emit::function(world, key, OptLevel::None).map(Arc::new)
        } else {
            metadata::data(world, key).map(Arc::new)
        }
    }
    fn conforms(&self, key: CodeKey, descriptor: CodeKey) -> bool {
        let CodeKey::Protocol(protocol) = descriptor else {
            return false;
        };
        match key {
            CodeKey::Metadata(ty) => self.world().conforms(ty, protocol),
            _ => false,
        }
    }
    fn serves(&self, _: DynamicCall, _: Ty) -> bool {
        false
    }
    fn symbol(&self, key: &CodeKey) -> SymbolName {
        self.world().symbol(key)
    }
    fn line(&self, key: LineKey) -> u32 {
        key.expr + 100
    }
    fn line_place(&self, _: LineKey) -> LinePlace {
        LinePlace {
            def: Fingerprint::ZERO,
            file: Fingerprint::ZERO,
        }
    }
}

fn record(world: &World, main: FnId) -> ProgramRecord {
    let key = CodeKey::Function(Instance {
        id: main,
        args: TyList::empty(),
    });
    let mut record = ProgramRecord::default();
    let updated = record.update_with(
        &mut [Serial(world)],
        &Processors::new(1),
        &[key],
        Bits::default(),
    );
    assert!(updated.is_ok(), "code generation failed");
    record
}

/// Runs the program: its exit code, or what it wrote to standard error when a signal ended it.
fn run(world: &World, main: FnId) -> Result<i32, String> {
    let record = record(world, main);
    let bytes = write_image(&record, &ImageOptions::default()).map_err(|e| e.to_string())?;
    let file = MemoryImage::new("test", &bytes).map_err(|e| e.to_string())?;
    let output = Command::new(file.path())
        .output()
        .map_err(|e| e.to_string())?;
    output
        .status
        .code()
        .ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// MIR in the making.
struct Build {
    mir: Mir,
    current: Block,
}

impl Build {
    fn new(id: FnId, result: Ty) -> Build {
        let mut locals = Arena::new();
        let result = locals.alloc(LocalDecl {
            ty: result,
            kind: LocalKind::Result,
            name: None,
        });
        let mut blocks = Arena::new();
        let current = blocks.alloc(BlockData::default());
        Build {
            mir: Mir {
                id,
                locals,
                params: Vec::new(),
                result,
                throws: None,
                blocks,
                captures: Vec::new(),
                transparent: false,
                origins: Vec::new(),
            },
            current,
        }
    }
    fn local(&mut self, ty: Ty, kind: LocalKind) -> Local {
        self.mir.locals.alloc(LocalDecl {
            ty,
            kind,
            name: None,
        })
    }
    fn var(&mut self, ty: Ty) -> Local {
        self.local(ty, LocalKind::Var)
    }
    fn param(&mut self, ty: Ty, kind: LocalKind) -> Local {
        let local = self.local(ty, kind);
        self.mir.params.push(local);
        local
    }
    fn block(&mut self) -> Block {
        self.mir.blocks.alloc(BlockData::default())
    }
    fn at(&mut self, block: Block) {
        self.current = block;
    }
    fn push(&mut self, kind: StatementKind) {
        let src = Some(Idx::from_raw(
            self.mir.blocks[self.current].stmts.len() as u32
        ));
        self.mir.blocks[self.current]
            .stmts
            .push(Statement { kind, src });
    }
    fn assign(&mut self, to: impl Into<P>, rvalue: Rvalue) {
        self.push(StatementKind::Assign(to.into().0, rvalue));
    }
    fn call(&mut self, dest: impl Into<P>, callee: Callee, args: Vec<Argument>) {
        self.push(StatementKind::Call {
            dest: dest.into().0,
            callee,
            args,
        });
    }
    fn end(&mut self, terminator: Terminator) {
        self.mir.blocks[self.current].term = Some(terminator);
    }
    fn done(mut self) -> Mir {
        self.end(Terminator::Return);
        self.mir
    }
}

/// A place under construction.
#[derive(Clone)]
struct P(Place);

impl From<Local> for P {
    fn from(local: Local) -> P {
        P(Place {
            local,
            path: Default::default(),
        })
    }
}

fn place(local: Local, path: &[Proj]) -> P {
    P(Place {
        local,
        path: path.into(),
    })
}

fn mv(p: impl Into<P>) -> Operand {
    Operand::Move(p.into().0)
}
fn copy(p: impl Into<P>) -> Operand {
    Operand::Copy(p.into().0)
}
fn value(p: impl Into<P>) -> Argument {
    Argument::Value(Operand::Borrow(p.into().0))
}
fn address(p: impl Into<P>) -> Argument {
    Argument::Address(p.into().0)
}
fn int(n: i128, ty: Ty) -> Operand {
    Operand::Const(Const::Int(n, ty))
}
fn i64_ty() -> Ty {
    Ty::builtin(BuiltinTy::Int64)
}
fn i32_ty() -> Ty {
    Ty::builtin(BuiltinTy::Int32)
}
fn bool_ty() -> Ty {
    Ty::builtin(BuiltinTy::Int1)
}

fn main_of(world: &World) -> Build {
    let def = world.top(DefKind::TopLevel, "main");
    Build::new(
        FnId {
            def,
            kind: FnKind::Main,
        },
        Ty::unit(),
    )
}

/// Ends the program with a 64-bit integer as its exit code.
fn exit(world: &mut World, b: &mut Build, code: impl Into<P>) {
    let truncate = world.operation("trunc", &[i64_ty(), i32_ty()]);
    let exit = world.runtime("codira_exit");
    let (narrow, unit) = (b.var(i32_ty()), b.var(Ty::unit()));
    b.call(narrow, truncate, vec![value(code)]);
    b.call(unit, exit, vec![value(narrow)]);
}

/// `Int` with a transparent `+` that traps, and the function.
fn int_world(world: &mut World) -> (Ty, DefId, FnId) {
    let (int_struct, fields) = world.structure("Int", &[("_value", i64_ty())]);
    let field = fields[0];
    let plus = body(world.def(
        int_struct.nominal_def().expect("a struct"),
        DefKind::Func,
        "+(_:_:)",
    ));
    let mut b = Build::new(plus, int_struct);
    let left = b.param(int_struct, LocalKind::Borrowed);
    let right = b.param(int_struct, LocalKind::Borrowed);
    let pair = b.var(Ty::tuple_of(&[i64_ty(), bool_ty()]));
    let unit = b.var(Ty::unit());
    let add = world.operation("saddOverflow", &[i64_ty()]);
    let fail = world.operation("condfail", &[]);
    b.call(
        pair,
        add,
        vec![
            value(place(left, &[Proj::Field(field)])),
            value(place(right, &[Proj::Field(field)])),
        ],
    );
    let text = Operand::Const(Const::Str(Name::new("arithmetic overflow"), Ty::unit()));
    b.call(
        unit,
        fail,
        vec![value(place(pair, &[Proj::Elem(1)])), Argument::Value(text)],
    );
    let result = b.mir.result;
    b.assign(
        result,
        Rvalue::Aggregate(int_struct, vec![mv(place(pair, &[Proj::Elem(0)]))]),
    );
    let mut mir = b.done();
    mir.transparent = true;
    world.add(mir);
    (int_struct, field, plus)
}

#[test]
fn transparent_arithmetic() {
    for (a, expected) in [
        (40, Ok(42)),
        (
            i128::from(i64::MAX),
            Err("main/test.code:102: Fatal error: arithmetic overflow"),
        ),
    ] {
        let mut world = World::new();
        let (int_struct, field, plus) = int_world(&mut world);
        let mut b = main_of(&world);
        let (x, y, z) = (b.var(int_struct), b.var(int_struct), b.var(int_struct));
        b.assign(x, Rvalue::Use(int(a, int_struct)));
        b.assign(y, Rvalue::Use(int(2, int_struct)));
        b.call(
            z,
            Callee::Static(plus, TyList::empty()),
            vec![value(x), value(y)],
        );
        exit(&mut world, &mut b, place(z, &[Proj::Field(field)]));
        let main = world.add(b.done());
        let key = CodeKey::Function(Instance {
            id: main,
            args: TyList::empty(),
        });
        let text = emit::function_text(&world, key, OptLevel::None).expect("main has code");
        // A constant is added by an addition and a comparison, which optimisation knows more of than of the flag.
        assert!(
            text.contains("icmp slt") && !text.contains("sadd_overflow"),
            "{text}"
        );
        match (run(&world, main), expected) {
            (Ok(code), Ok(expected)) => assert_eq!(code, expected),
            (Err(message), Err(expected)) => assert!(message.contains(expected), "{message}"),
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn enums() {
    let mut world = World::new();
    let f64_ty = Ty::builtin(BuiltinTy::Float64);
    let (shape, cases) = world.enumeration(
        "Shape",
        &[
            ("empty", None),
            ("int", Some(&[i32_ty(), i32_ty()])),
            ("float", Some(&[f64_ty])),
        ],
    );
    let (maybe, maybe_cases) =
        world.enumeration("Maybe", &[("none", None), ("some", Some(&[shape]))]);
    let layout = world.layout(shape);
    assert_eq!(
        (layout.size, layout.stride(), layout.inhabitants.count),
        (9, 16, 253)
    );
    assert!(matches!(
        layout.as_enum().expect("an enum").tag,
        TagKind::Multi { offset: 8, .. }
    ));
    assert_eq!(world.layout(maybe).size, 9);

    let mut b = main_of(&world);
    let (s, m) = (b.var(shape), b.var(maybe));
    let (is, tag, sum, wide) = (
        b.var(bool_ty()),
        b.var(i32_ty()),
        b.var(i32_ty()),
        b.var(i64_ty()),
    );
    b.assign(
        s,
        Rvalue::Case {
            ty: shape,
            case: cases[1],
            payload: vec![int(30, i32_ty()), int(10, i32_ty())],
        },
    );
    b.assign(
        m,
        Rvalue::Case {
            ty: maybe,
            case: maybe_cases[1],
            payload: vec![mv(s)],
        },
    );
    b.assign(is, Rvalue::IsCase(P::from(m).0, maybe_cases[1]));
    let (yes, no) = (b.block(), b.block());
    b.end(Terminator::If {
        cond: mv(is),
        then: yes,
        els: no,
    });
    b.at(no);
    b.end(Terminator::Unreachable);
    b.at(yes);
    let some = Proj::Payload(maybe_cases[1]);
    b.assign(tag, Rvalue::Tag(place(m, &[some]).0));
    let add = world.operation("add", &[i32_ty()]);
    let pair = [some, Proj::Payload(cases[1])];
    let elem = |i| place(m, &[pair[0], pair[1], Proj::Elem(i)]);
    b.call(sum, add.clone(), vec![value(elem(0)), value(elem(1))]);
    b.call(sum, add, vec![value(sum), value(tag)]);
    let widen = world.operation("zext", &[i32_ty(), i64_ty()]);
    b.call(wide, widen, vec![value(sum)]);
    exit(&mut world, &mut b, wide);
    let main = world.add(b.done());
    assert_eq!(run(&world, main), Ok(41));
}

#[test]
fn large_values_and_errors() {
    let mut world = World::new();
    let six = Ty::tuple_of(&[i64_ty(); 6]);
    let (failure, failure_cases) =
        world.enumeration("Failure", &[("bad", Some(&[i64_ty()])), ("worse", None)]);
    // Rotates the elements, or throws the first when the flag is set.
    let rotate = body(world.top(DefKind::Func, "rotate(_:_:)"));
    let mut b = Build::new(rotate, six);
    b.mir.throws = Some(failure);
    let input = b.param(six, LocalKind::Borrowed);
    let flag = b.param(bool_ty(), LocalKind::Borrowed);
    let error = b.var(failure);
    let (throwing, fine) = (b.block(), b.block());
    b.end(Terminator::If {
        cond: copy(flag),
        then: throwing,
        els: fine,
    });
    b.at(throwing);
    let elem = |local, i| place(local, &[Proj::Elem(i)]);
    b.assign(
        error,
        Rvalue::Case {
            ty: failure,
            case: failure_cases[0],
            payload: vec![copy(elem(input, 0))],
        },
    );
    b.end(Terminator::Throw(mv(error)));
    b.at(fine);
    let result = b.mir.result;
    let rotated = (0..6).map(|i| copy(elem(input, (i + 1) % 6))).collect();
    b.assign(result, Rvalue::Aggregate(six, rotated));
    world.add(b.done());

    let mut b = main_of(&world);
    let (x, y, caught, code) = (b.var(six), b.var(six), b.var(failure), b.var(i64_ty()));
    b.assign(
        x,
        Rvalue::Aggregate(six, (1..7).map(|n| int(n, i64_ty())).collect()),
    );
    let attempt = |b: &mut Build, to: Local, from: Local, flag| {
        let (normal, unwind) = (b.block(), b.block());
        b.end(Terminator::TryCall {
            dest: P::from(to).0,
            error: P::from(caught).0,
            callee: Callee::Static(rotate, TyList::empty()),
            args: vec![value(from), Argument::Value(int(flag, bool_ty()))],
            normal,
            unwind,
        });
        (normal, unwind)
    };
    let (normal, unwind) = attempt(&mut b, y, x, 0);
    b.at(unwind);
    b.end(Terminator::Unreachable);
    b.at(normal);
    // y starts with 2 now.
    let (normal, unwind) = attempt(&mut b, x, y, 1);
    b.at(normal);
    b.end(Terminator::Unreachable);
    b.at(unwind);
    let add = world.operation("add", &[i64_ty()]);
    let payload = place(caught, &[Proj::Payload(failure_cases[0])]);
    b.call(code, add, vec![value(payload), value(elem(y, 5))]);
    exit(&mut world, &mut b, code);
    let main = world.add(b.done());
    assert_eq!(run(&world, main), Ok(3));
}

#[test]
fn objects_closures_existentials() {
    let mut world = World::new();
    // class Counter { var n; deinit exits with n } and a virtual method that adds.
    let class_def = world.top(DefKind::Class, "Counter");
    let class = Ty::nominal(class_def, &[]);
    let property = world.field(class_def, "n", i64_ty());
    let n = property.def;
    world.properties.insert(class_def, vec![property]);
    let add = world.operation("add", &[i64_ty()]);

    let deinit = world.def(class_def, DefKind::Deinit, "deinit");
    let mut b = Build::new(body(deinit), Ty::unit());
    let this = b.param(class, LocalKind::Borrowed);
    let code = b.var(i64_ty());
    b.assign(code, Rvalue::Use(copy(place(this, &[Proj::ClassField(n)]))));
    exit(&mut world, &mut b, code);
    world.add(b.done());
    world.deinits.insert(class_def, deinit);

    let method = body(world.def(class_def, DefKind::Func, "bump(_:)"));
    let mut b = Build::new(method, Ty::unit());
    let by = b.param(i64_ty(), LocalKind::Borrowed);
    let this = b.param(class, LocalKind::Borrowed);
    let field = place(this, &[Proj::ClassField(n)]);
    b.call(field.clone(), add.clone(), vec![value(field), value(by)]);
    world.add(b.done());
    world.vtables.insert(
        class_def,
        vec![Slot {
            method,
            implementation: method,
        }],
    );

    // protocol P { fn value() -> Int64 }, fulfilled by a struct of six words.
    let protocol = world.top(DefKind::Protocol, "P");
    let requirement = world.def(protocol, DefKind::Func, "value()");
    world.requirements.insert(protocol, vec![requirement]);
    let words: Vec<(&str, Ty)> = ["a", "b", "c", "d", "e", "f"]
        .iter()
        .map(|&n| (n, i64_ty()))
        .collect();
    let (big, fields) = world.structure("Big", &words);
    let witness = body(world.def(
        big.nominal_def().expect("a struct"),
        DefKind::Func,
        "value()",
    ));
    let mut b = Build::new(witness, i64_ty());
    let this = b.param(big, LocalKind::Borrowed);
    let result = b.mir.result;
    b.assign(
        result,
        Rvalue::Use(copy(place(this, &[Proj::Field(fields[5])]))),
    );
    world.add(b.done());
    world.witnesses.insert((requirement, big), witness);
    let shape = CalleeShape {
        params: Vec::new(),
        this: ThisMode::Borrow,
        result: i64_ty(),
        throws: None,
    };
    world.shapes.insert(body(requirement), shape.clone());
    world.shapes.insert(witness, shape);
    let any_p = Ty::new(TyKind::Existential(Existential {
        protocols: Box::new([protocol]),
        superclass: None,
        class_bound: false,
        bindings: Box::new([]),
    }));

    // A closure that holds the object and bumps it by its argument.
    let main_def = world.top(DefKind::TopLevel, "main");
    let closure = FnId {
        def: main_def,
        kind: FnKind::Closure(0),
    };
    let mut b = Build::new(closure, Ty::unit());
    let by = b.param(i64_ty(), LocalKind::Borrowed);
    let context = b.param(Ty::builtin(BuiltinTy::NativeObject), LocalKind::Borrowed);
    b.mir.captures.push(CaptureDecl {
        name: Name::new("counter"),
        ty: class,
        mode: CaptureMode::Value,
    });
    let unit = b.var(Ty::unit());
    b.call(
        unit,
        Callee::Virtual(method, TyList::empty()),
        vec![value(by), value(place(context, &[Proj::Capture(0)]))],
    );
    world.add(b.done());
    let function = Ty::function(FnTy {
        params: Box::new([FnParam {
            ty: i64_ty(),
            mode: ParamMode::Borrow,
            variadic: false,
            autoclosure: false,
        }]),
        result: Ty::unit(),
        throws: None,
        is_async: false,
        escaping: true,
        repr: FnRepr::Thick,
    });

    let mut b = main_of(&world);
    let (object, held, erased) = (b.var(class), b.var(function), b.var(any_p));
    let (big_value, six, unit) = (b.var(big), b.var(i64_ty()), b.var(Ty::unit()));
    b.assign(
        object,
        Rvalue::AllocObject {
            class,
            metatype: None,
        },
    );
    b.assign(
        place(object, &[Proj::ClassField(n)]),
        Rvalue::Use(int(30, i64_ty())),
    );
    b.assign(
        held,
        Rvalue::Closure {
            func: closure,
            args: TyList::empty(),
            captures: vec![copy(object)],
            ty: function,
            on_stack: false,
        },
    );
    b.assign(
        big_value,
        Rvalue::Aggregate(big, (1..7).map(|n| int(n, i64_ty())).collect()),
    );
    b.assign(
        erased,
        Rvalue::Erase {
            value: mv(big_value),
            from: big,
            to: any_p,
        },
    );
    b.call(
        six,
        Callee::Witness(requirement, TyList::new(&[any_p])),
        vec![value(erased)],
    );
    let call = |b: &mut Build, by: Argument| {
        let operand = Operand::Borrow(P::from(held).0);
        b.call(unit, Callee::Value(operand), vec![by]);
    };
    call(&mut b, value(six));
    call(&mut b, Argument::Value(int(4, i64_ty())));
    for local in [erased, held, object] {
        b.push(StatementKind::Destroy(P::from(local).0));
    }
    // Not reached: the deinitialiser ends the program with 40.
    let main = world.add(b.done());
    assert_eq!(run(&world, main), Ok(40));
}

#[test]
fn inout_variables_stay_in_registers() {
    let mut world = World::new();
    let bump = body(world.top(DefKind::Func, "bump(_:)"));
    let add = world.operation("add", &[i64_ty()]);
    let mut b = Build::new(bump, Ty::unit());
    let x = b.param(i64_ty(), LocalKind::Inout);
    b.call(x, add, vec![value(x), Argument::Value(int(1, i64_ty()))]);
    world.add(b.done());
    let mut b = main_of(&world);
    let (x, i, more, unit) = (
        b.var(i64_ty()),
        b.var(i64_ty()),
        b.var(bool_ty()),
        b.var(Ty::unit()),
    );
    b.assign(x, Rvalue::Use(int(0, i64_ty())));
    b.assign(i, Rvalue::Use(int(0, i64_ty())));
    let (head, inside, done) = (b.block(), b.block(), b.block());
    b.end(Terminator::Goto(head));
    b.at(head);
    let less = world.operation("slt", &[i64_ty()]);
    b.call(
        more,
        less,
        vec![value(i), Argument::Value(int(9, i64_ty()))],
    );
    b.end(Terminator::If {
        cond: mv(more),
        then: inside,
        els: done,
    });
    b.at(inside);
    b.call(
        unit,
        Callee::Static(bump, TyList::empty()),
        vec![address(x)],
    );
    let add = world.operation("add", &[i64_ty()]);
    b.call(i, add, vec![value(i), Argument::Value(int(1, i64_ty()))]);
    b.end(Terminator::Goto(head));
    b.at(done);
    exit(&mut world, &mut b, x);
    let main = world.add(b.done());
    assert_eq!(run(&world, main), Ok(9));
}

#[test]
fn layouts_follow_the_rules() {
    let mut world = World::new();
    let (int_struct, _) = world.structure("Int", &[("_value", i64_ty())]);
    let (bool_struct, _) = world.structure("Bool", &[("_value", bool_ty())]);
    let object = Ty::builtin(BuiltinTy::NativeObject);
    let mut optional = |name: &str, of: Ty| {
        world
            .enumeration(name, &[("none", None), ("some", Some(&[of]))])
            .0
    };
    let one = optional("O1", int_struct);
    let two = optional("O2", one);
    let three = optional("O3", two);
    let flag = optional("B1", bool_struct);
    let flags = optional("B2", flag);
    let reference = optional("R1", object);
    let references = optional("R2", reference);
    let size = |ty: Ty| world.layout(ty).size;
    assert_eq!([size(one), size(two), size(three)], [9, 10, 11]);
    assert_eq!([size(flag), size(flags)], [1, 1]);
    assert_eq!([size(reference), size(references)], [8, 8]);
    assert_eq!(world.layout(references).inhabitants.count, 4094);
    assert_eq!(
        world.layout(references).leaves.as_ref().map(|l| l.len()),
        Some(1)
    );
    let (tree, _) = world.enumeration(
        "Tree",
        &[
            ("leaf", None),
            ("indirect node", Some(&[int_struct, int_struct])),
        ],
    );
    assert_eq!(world.layout(tree).size, 8);
    let padded = Ty::tuple_of(&[
        Ty::builtin(BuiltinTy::Int8),
        i64_ty(),
        Ty::builtin(BuiltinTy::Int8),
    ]);
    let layout = world.layout(padded);
    assert_eq!((layout.size, layout.align, layout.stride()), (17, 8, 24));
    assert_eq!(world.layout(Ty::any()).size, 32);
}

#[test]
fn symbols_are_readable_and_distinct() {
    let world = World::new();
    let ty = world.top(DefKind::Struct, "Vec");
    let symbol = |name: &str, args: &[Ty]| {
        let id = body(world.def(ty, DefKind::Func, name));
        let args = TyList::new(args);
        mangle::symbol(&world, &CodeKey::Function(Instance { id, args }))
    };
    let plain = symbol("move(from:to:)", &[]);
    assert_eq!(plain, "$cmain.Vec.'move(from:to:)");
    assert_ne!(symbol("<(_:_:)", &[]), symbol(">(_:_:)", &[]));
    assert_eq!(
        super::demangle::demangle(&symbol("<(_:_:)", &[i64_ty()])).as_deref(),
        Some("main.Vec.<(_:_:)<Builtin.Int64>")
    );
    let nested = (0..40).fold(i64_ty(), |ty, _| Ty::tuple_of(&[ty, ty]));
    let long = symbol(
        "f()",
        &[Ty::metatype(Ty::nominal(
            ty,
            &[Ty::tuple_of(&[i64_ty(); 90])],
        ))],
    );
    assert!(long.len() <= 220, "{long}");
    let _ = nested;
}
