//! How values of a type lie in memory and in registers.
//!
//! Structs and tuples place fields in order with natural alignment and no padding at the end. Enums hide their cases in *extra inhabitants*, bit
//! patterns that the payload never has, or add a tag behind the payload:
//!
//! | enum | representation |
//! |---|---|
//! | no case has a payload | a tag: the case's declaration index, in 0, 1 or 2 bytes |
//! | one case has a payload | extra inhabitants of the payload for the other cases, in order; too few: a tag behind the payload, 0 for the payload, else 1 + the number among the other cases |
//! | several have one | a tag behind the largest payload: the declaration index |
//!
//! A payload without size counts as none. A value of at most [`MAX_SCALARS`] machine words also has a *scalar form*, in which it is passed,
//! returned and kept in registers: the scalars of its fields in order; the payload area of an enum with several payloads is cut into
//! integers, because its bytes have no one type.

use cranelift_codegen::ir::{Type, types};

use crate::base::Name;
use crate::items::ids::DefId;
use crate::types::ty::{BuiltinTy, Ty, TyKind};

use super::cx::{CaseInfo, NominalKind, Ownership, Program};

/// Values of more scalars than this live in memory and are passed by address.
pub const MAX_SCALARS: usize = 4;
/// Where the fields of an object start, behind metadata and reference count.
pub const OBJECT_HEADER: u64 = 16;
/// Where the value of a heap box starts.
pub const BOX_VALUE: u64 = 32;
/// Where the vtable starts in a class's metadata.
pub const VTABLE_OFFSET: u64 = 208;
/// The buffer of an opaque existential; the metadata pointer follows it.
pub const EXISTENTIAL_BUFFER: u64 = 24;
/// Addresses below this are never valid and encode other things.
const POINTER_INHABITANTS: u32 = 4096;

/// One machine word of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scalar {
    pub offset: u32,
    pub ty: Type,
}

/// Bit patterns that no value of the type has: `first`, `first + 1`, … of the integer at `offset`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inhabitants {
    pub count: u32,
    pub offset: u32,
    pub ty: Type,
    pub first: u64,
}

impl Inhabitants {
    const NONE: Inhabitants = Inhabitants {
        count: 0,
        offset: 0,
        ty: types::I8,
        first: 0,
    };
    fn pointer(count: u32) -> Inhabitants {
        Inhabitants {
            count,
            offset: 0,
            ty: types::I64,
            first: 0,
        }
    }
    fn at(self, offset: u64) -> Inhabitants {
        Inhabitants {
            offset: self.offset + offset as u32,
            ..self
        }
    }
    fn without(self, used: u32) -> Inhabitants {
        Inhabitants {
            count: self.count - used,
            first: self.first + u64::from(used),
            ..self
        }
    }
}

/// A counted reference inside a value that is retained by copying and released by destroying, whatever the rest of the value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leaf {
    pub offset: u32,
    pub unowned: bool,
}

/// How values of one type are represented.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    pub size: u64,
    pub align: u32,
    pub inhabitants: Inhabitants,
    /// Copying copies bytes and destroying does nothing.
    pub trivial: bool,
    /// A value may be moved by copying its bytes.
    pub takable: bool,
    /// The scalar form; none for values that live in memory only.
    pub scalars: Option<Box<[Scalar]>>,
    /// The references to count; none when counting depends on the value, as in most enums: then it takes the type's copy and destroy functions.
    pub leaves: Option<Box<[Leaf]>>,
    pub shape: Shape,
}

/// What a value consists of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A builtin scalar, the metatype of one type, or a function of C.
    Scalar,
    /// A pointer to an object, counted.
    Reference,
    /// A code pointer and a context.
    Function,
    /// A struct's stored properties or a tuple's elements.
    Fields(Box<[Field]>),
    Enum(EnumLayout),
    /// `any P`, with the protocols that have a witness table in it.
    Existential(ExistentialKind, Box<[DefId]>),
    /// `any P.Type`: metadata, and behind it the witness tables that `any P` has.
    Metatype(Box<[DefId]>),
}

/// A stored property, or an element of a tuple.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    pub def: Option<DefId>,
    pub name: Name,
    pub ty: Ty,
    pub offset: u64,
    /// Where the field's scalars start in the scalar form.
    pub scalar: u32,
    pub ownership: Ownership,
    pub is_let: bool,
}

/// How an existential holds its value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExistentialKind {
    /// In a buffer or a box, beside the metadata.
    Opaque,
    /// An object.
    Class,
    /// A box that also holds metadata and witness table.
    Error,
}

/// The cases of an enum in declaration order, and how they are told apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnumLayout {
    pub cases: Box<[CaseLayout]>,
    pub tag: TagKind,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaseLayout {
    pub def: DefId,
    pub name: Name,
    /// The payload's type, a tuple when there are several elements.
    pub payload: Option<Ty>,
    /// The label of a payload's only element, which its type does not tell.
    pub label: Option<Name>,
    /// How many elements the payload was declared with.
    pub elements: u32,
    /// The payload is in a heap box.
    pub indirect: bool,
    /// The case's number among those without stored payload; none for cases with one.
    pub empty_number: Option<u32>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TagKind {
    /// At most one case: nothing to tell.
    None,
    /// Only a tag.
    Tag(Type),
    /// One payload; the first `count` extra inhabitants are the other cases.
    Inhabitants {
        payload_case: u32,
        at: Inhabitants,
        count: u32,
    },
    /// One payload and a tag behind it.
    Extra {
        payload_case: u32,
        offset: u64,
        ty: Type,
    },
    /// Several payloads and a tag behind them.
    Multi { offset: u64, ty: Type },
}

impl EnumLayout {
    /// The case's index and layout.
    pub fn case(&self, def: DefId) -> Option<(u32, &CaseLayout)> {
        let index = self.cases.iter().position(|c| c.def == def)?;
        Some((index as u32, &self.cases[index]))
    }
}

impl Layout {
    /// The distance between elements of an array.
    pub fn stride(&self) -> u64 {
        align_up(self.size, self.align).max(1)
    }

    fn scalar(ty: Type, inhabitants: Inhabitants) -> Layout {
        Layout {
            size: u64::from(ty.bytes()),
            align: ty.bytes(),
            inhabitants,
            trivial: true,
            takable: true,
            scalars: Some(Box::new([Scalar { offset: 0, ty }])),
            leaves: Some(Box::new([])),
            shape: Shape::Scalar,
        }
    }

    fn reference() -> Layout {
        Layout {
            trivial: false,
            leaves: Some(Box::new([Leaf {
                offset: 0,
                unowned: false,
            }])),
            shape: Shape::Reference,
            ..Layout::scalar(types::I64, Inhabitants::pointer(POINTER_INHABITANTS))
        }
    }

    /// This layout of one word with witness tables behind the word.
    fn with_tables(mut self, count: usize) -> Layout {
        self.size += 8 * count as u64;
        let words = (0..=count).map(|i| Scalar {
            offset: 8 * i as u32,
            ty: types::I64,
        });
        self.scalars = (count < MAX_SCALARS).then(|| words.collect());
        self
    }

    /// The layout of `()`; also what recovery from errors uses.
    pub fn empty() -> Layout {
        Layout {
            size: 0,
            align: 1,
            inhabitants: Inhabitants::NONE,
            trivial: true,
            takable: true,
            scalars: Some(Box::new([])),
            leaves: Some(Box::new([])),
            shape: Shape::Fields(Box::new([])),
        }
    }

    /// The fields of a struct or tuple.
    pub fn fields(&self) -> &[Field] {
        match &self.shape {
            Shape::Fields(fields) => fields,
            _ => &[],
        }
    }

    /// The enum's cases, if the type is one.
    pub fn as_enum(&self) -> Option<&EnumLayout> {
        match &self.shape {
            Shape::Enum(layout) => Some(layout),
            _ => None,
        }
    }

    /// Whether a value takes no room at all.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Whether an opaque existential holds the value in its own buffer.
    pub fn fits_inline(&self) -> bool {
        self.size <= EXISTENTIAL_BUFFER && self.align <= 8 && self.takable
    }

    /// The layout of storage that holds this type's references weakly or unowned.
    pub fn with_ownership(&self, ownership: Ownership) -> Layout {
        let mut layout = self.clone();
        match ownership {
            Ownership::Strong => {}
            Ownership::Weak => {
                layout.takable = false;
                layout.trivial = false;
                layout.leaves = None;
                layout.scalars = None;
                layout.inhabitants = Inhabitants::NONE;
            }
            Ownership::Unowned => {
                for leaf in layout.leaves.iter_mut().flatten() {
                    leaf.unowned = true;
                }
            }
            Ownership::UnownedUnsafe => {
                layout.trivial = true;
                layout.leaves = Some(Box::new([]));
            }
        }
        layout
    }
}

/// The fields of a class's instances.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClassLayout {
    pub size: u64,
    pub align: u32,
    /// All stored properties, the superclasses' first.
    pub fields: Box<[Field]>,
    /// How many of them are inherited.
    pub inherited: u32,
}

/// Rounds up to a multiple of a power of two.
pub fn align_up(value: u64, align: u32) -> u64 {
    let mask = u64::from(align.max(1)) - 1;
    (value + mask) & !mask
}

/// Places fields one after the other.
struct Placer {
    size: u64,
    align: u32,
    trivial: bool,
    takable: bool,
    inhabitants: Inhabitants,
    scalars: Option<Vec<Scalar>>,
    leaves: Option<Vec<Leaf>>,
    fields: Vec<Field>,
}

impl Placer {
    fn new(start: u64) -> Placer {
        Placer {
            size: start,
            align: 1,
            trivial: true,
            takable: true,
            inhabitants: Inhabitants::NONE,
            scalars: Some(Vec::new()),
            leaves: Some(Vec::new()),
            fields: Vec::new(),
        }
    }

    fn add(&mut self, mut field: Field, layout: &Layout) {
        let held;
        let layout = if field.ownership == Ownership::Strong {
            layout
        } else {
            held = layout.with_ownership(field.ownership);
            &held
        };
        let offset = align_up(self.size, layout.align);
        self.size = offset + layout.size;
        self.align = self.align.max(layout.align);
        self.trivial &= layout.trivial;
        self.takable &= layout.takable;
        if layout.inhabitants.count > self.inhabitants.count {
            self.inhabitants = layout.inhabitants.at(offset);
        }
        field.offset = offset;
        field.scalar = self.scalars.as_ref().map_or(0, Vec::len) as u32;
        append_scalars(&mut self.scalars, offset, layout.scalars.as_deref());
        match (&mut self.leaves, &layout.leaves) {
            (Some(all), Some(more)) => all.extend(more.iter().map(|leaf| Leaf {
                offset: leaf.offset + offset as u32,
                ..*leaf
            })),
            (all, _) => *all = None,
        }
        self.fields.push(field);
    }

    fn finish(self) -> Layout {
        Layout {
            size: self.size,
            align: self.align,
            inhabitants: self.inhabitants,
            trivial: self.trivial,
            takable: self.takable,
            scalars: self.scalars.map(Vec::into_boxed_slice),
            // A long list of references is counted out of line.
            leaves: self
                .leaves
                .filter(|l| l.len() <= 2 * MAX_SCALARS)
                .map(Vec::into_boxed_slice),
            shape: Shape::Fields(self.fields.into()),
        }
    }
}

fn append_scalars(all: &mut Option<Vec<Scalar>>, offset: u64, more: Option<&[Scalar]>) {
    match (all.as_mut(), more) {
        (Some(list), Some(more)) if list.len() + more.len() <= MAX_SCALARS => {
            list.extend(more.iter().map(|s| Scalar {
                offset: s.offset + offset as u32,
                ty: s.ty,
            }));
        }
        _ => *all = None,
    }
}

/// Computes the layout of a concrete type; [`Program::layout`] memoises it.
pub fn compute<'a>(p: &dyn Program<'a>, ty: Ty) -> Layout {
    match ty.kind() {
        TyKind::Builtin(builtin) => builtin_layout(*builtin),
        TyKind::Tuple(elems) => {
            let mut placer = Placer::new(0);
            for elem in elems {
                let field = Field {
                    def: None,
                    name: elem.label.unwrap_or(Name::new("")),
                    ty: elem.ty,
                    offset: 0,
                    scalar: 0,
                    ownership: Ownership::Strong,
                    is_let: false,
                };
                placer.add(field, p.layout(elem.ty));
            }
            placer.finish()
        }
        TyKind::Function(f) if f.is_c() => {
            Layout::scalar(types::I64, Inhabitants::pointer(POINTER_INHABITANTS))
        }
        TyKind::Function(_) => Layout {
            size: 16,
            trivial: false,
            scalars: Some(Box::new([
                Scalar {
                    offset: 0,
                    ty: types::I64,
                },
                Scalar {
                    offset: 8,
                    ty: types::I64,
                },
            ])),
            leaves: Some(Box::new([Leaf {
                offset: 8,
                unowned: false,
            }])),
            shape: Shape::Function,
            ..Layout::scalar(types::I64, Inhabitants::pointer(POINTER_INHABITANTS))
        },
        // A type may hold its own metatype, so that others are not asked for their layout.
        TyKind::Metatype(instance) if instance.is_existential() => {
            match &p.layout(*instance).shape {
                Shape::Existential(_, tables) => existential_metatype_layout(tables),
                _ => Layout::scalar(types::I64, Inhabitants::pointer(POINTER_INHABITANTS)),
            }
        }
        TyKind::Metatype(_) | TyKind::ProtocolMetatype(_) => {
            Layout::scalar(types::I64, Inhabitants::pointer(POINTER_INHABITANTS))
        }
        TyKind::Existential(existential) => existential_layout(p, existential),
        TyKind::DynamicSelf(class) => p.layout(*class).clone(),
        TyKind::Nominal { def, args } => match p.nominal_kind(*def) {
            NominalKind::Class => Layout::reference(),
            NominalKind::Struct => {
                let mut placer = Placer::new(0);
                add_properties(p, &mut placer, *def, args.as_slice());
                destroyed_by(p.deinit(*def), placer.finish())
            }
            NominalKind::Enum => {
                let layout = enum_layout(p, p.enum_cases(*def), args.as_slice());
                destroyed_by(p.deinit(*def), layout)
            }
            NominalKind::Other => Layout::empty(),
        },
        // The value of an integer generic argument is a constant, and everything else cannot be left in concrete code.
        TyKind::Error
        | TyKind::Infer(_)
        | TyKind::Param { .. }
        | TyKind::Assoc { .. }
        | TyKind::Opaque { .. }
        | TyKind::Inout(_)
        | TyKind::PackExpansion(_)
        | TyKind::Integer(_) => Layout::empty(),
    }
}

/// The layout of a type whose values may have a deinitialiser: then destroying one is more than counting references.
fn destroyed_by(deinit: Option<DefId>, mut layout: Layout) -> Layout {
    if deinit.is_some() {
        layout.trivial = false;
        layout.leaves = None;
    }
    layout
}

fn add_properties<'a>(p: &dyn Program<'a>, placer: &mut Placer, def: DefId, args: &[Ty]) {
    for property in p.stored_properties(def) {
        let ty = p.normalize(property.ty.subst(args));
        let field = Field {
            def: Some(property.def),
            name: property.name,
            ty,
            offset: 0,
            scalar: 0,
            ownership: property.ownership,
            is_let: property.is_let,
        };
        placer.add(field, p.layout(ty));
    }
}

/// Computes the layout of a class's instances; [`Program::class_layout`] memoises it.
pub fn compute_class<'a>(p: &dyn Program<'a>, class: Ty) -> ClassLayout {
    let class = match class.kind() {
        TyKind::DynamicSelf(class) => *class,
        _ => class,
    };
    let mut placer = Placer::new(OBJECT_HEADER);
    placer.align = 8;
    if let Some(superclass) = p.superclass(class) {
        let inherited = p.class_layout(superclass);
        placer.size = inherited.size;
        placer.align = inherited.align;
        placer.fields.extend(inherited.fields.iter().cloned());
    }
    let inherited = placer.fields.len() as u32;
    if let Some((def, args)) = class.as_nominal() {
        add_properties(p, &mut placer, def, args.as_slice());
    }
    ClassLayout {
        size: placer.size,
        align: placer.align,
        fields: placer.fields.into(),
        inherited,
    }
}

fn builtin_layout(builtin: BuiltinTy) -> Layout {
    match builtin {
        BuiltinTy::Int1 => Layout::scalar(
            types::I8,
            Inhabitants {
                count: 254,
                offset: 0,
                ty: types::I8,
                first: 2,
            },
        ),
        BuiltinTy::Int8 => Layout::scalar(types::I8, Inhabitants::NONE),
        BuiltinTy::Int16 => Layout::scalar(types::I16, Inhabitants::NONE),
        BuiltinTy::Int32 => Layout::scalar(types::I32, Inhabitants::NONE),
        BuiltinTy::Int64 => Layout::scalar(types::I64, Inhabitants::NONE),
        BuiltinTy::Int128 => Layout::scalar(types::I128, Inhabitants::NONE),
        BuiltinTy::Float32 => Layout::scalar(types::F32, Inhabitants::NONE),
        BuiltinTy::Float64 => Layout::scalar(types::F64, Inhabitants::NONE),
        BuiltinTy::RawPointer => Layout::scalar(types::I64, Inhabitants::pointer(1)),
        BuiltinTy::NativeObject => Layout::reference(),
    }
}

fn existential_layout<'a>(
    p: &dyn Program<'a>,
    existential: &crate::types::ty::Existential,
) -> Layout {
    let tables: Box<[DefId]> = existential
        .protocols
        .iter()
        .copied()
        .filter(|&protocol| !p.is_marker(protocol))
        .collect();
    let class_bound = existential.class_bound
        || existential.superclass.is_some()
        || tables.iter().any(|&protocol| p.is_class_bound(protocol));
    if class_bound {
        let mut layout = Layout::reference().with_tables(tables.len());
        layout.shape = Shape::Existential(ExistentialKind::Class, tables);
        return layout;
    }
    let is_error =
        existential.protocols.len() == 1 && p.is_error_protocol(existential.protocols[0]);
    if is_error {
        return Layout {
            shape: Shape::Existential(ExistentialKind::Error, existential.protocols.clone()),
            ..Layout::reference()
        };
    }
    Layout {
        size: EXISTENTIAL_BUFFER + 8 + 8 * tables.len() as u64,
        align: 8,
        inhabitants: Inhabitants::pointer(POINTER_INHABITANTS).at(EXISTENTIAL_BUFFER),
        trivial: false,
        takable: true,
        scalars: None,
        leaves: None,
        shape: Shape::Existential(ExistentialKind::Opaque, tables),
    }
}

fn existential_metatype_layout(tables: &[DefId]) -> Layout {
    let metadata = Layout::scalar(types::I64, Inhabitants::pointer(POINTER_INHABITANTS));
    Layout {
        shape: Shape::Metatype(tables.into()),
        ..metadata.with_tables(tables.len())
    }
}

fn enum_layout<'a>(p: &dyn Program<'a>, declared: Vec<CaseInfo>, args: &[Ty]) -> Layout {
    let mut cases = Vec::with_capacity(declared.len());
    let boxed = Layout::reference();
    let mut payloads: Vec<(u32, &Layout)> = Vec::new();
    let mut empty = 0;
    for (index, case) in declared.into_iter().enumerate() {
        let elements = case.payload.as_ref().map_or(0, Vec::len) as u32;
        let label = match case.payload.as_deref() {
            Some([(label, _)]) => *label,
            _ => None,
        };
        let payload = case.payload.map(|elems| {
            let tuple = match elems.as_slice() {
                [(_, one)] => *one,
                _ => Ty::tuple(
                    &elems
                        .iter()
                        .map(|&(label, ty)| crate::types::ty::TupleElem { label, ty })
                        .collect::<Vec<_>>(),
                ),
            };
            p.normalize(tuple.subst(args))
        });
        // A box is laid out without looking at what it holds: that is what makes recursive enums finite.
        let stored = payload
            .map(|ty| if case.indirect { &boxed } else { p.layout(ty) })
            .filter(|layout| !layout.is_empty());
        let empty_number = match stored {
            Some(layout) => {
                payloads.push((index as u32, layout));
                None
            }
            None => {
                empty += 1;
                Some(empty - 1)
            }
        };
        cases.push(CaseLayout {
            def: case.def,
            name: case.name,
            payload,
            label,
            elements,
            indirect: case.indirect && payload.is_some(),
            empty_number,
        });
    }
    let shape = |tag| {
        Shape::Enum(EnumLayout {
            cases: cases.clone().into(),
            tag,
        })
    };
    match payloads.as_slice() {
        [] => tag_only(cases.len(), shape),
        [(case, payload)] => single_payload(*case, payload, empty, shape),
        _ => multi_payload(&payloads, cases.len(), empty, shape),
    }
}

/// The integer that holds numbers below `count`.
fn tag_type(count: usize) -> Type {
    if count <= 256 { types::I8 } else { types::I16 }
}

fn tag_inhabitants(ty: Type, offset: u64, used: usize) -> Inhabitants {
    Inhabitants {
        count: (1u32 << ty.bits().min(16)) - used as u32,
        offset: offset as u32,
        ty,
        first: used as u64,
    }
}

fn tag_only(count: usize, shape: impl Fn(TagKind) -> Shape) -> Layout {
    if count <= 1 {
        return Layout {
            shape: shape(TagKind::None),
            ..Layout::empty()
        };
    }
    let ty = tag_type(count);
    Layout {
        shape: shape(TagKind::Tag(ty)),
        ..Layout::scalar(ty, tag_inhabitants(ty, 0, count))
    }
}

fn single_payload(
    case: u32,
    payload: &Layout,
    empty: u32,
    shape: impl Fn(TagKind) -> Shape,
) -> Layout {
    let mut layout = payload.clone();
    let xi = payload.inhabitants;
    if empty == 0 {
        layout.shape = shape(TagKind::None);
        return layout;
    }
    if xi.count >= empty {
        layout.inhabitants = xi.without(empty);
        layout.shape = shape(TagKind::Inhabitants {
            payload_case: case,
            at: xi,
            count: empty,
        });
        // The reference that is an address below 4096 in the other cases may be counted without looking; other references may be garbage then.
        let at_reference = |l: &[Leaf]| {
            l.is_empty() || matches!(l, [one] if one.offset == xi.offset && xi.ty == types::I64)
        };
        layout.leaves = layout.leaves.filter(|l| at_reference(l));
        return layout;
    }
    let ty = tag_type(empty as usize + 1);
    let offset = align_up(payload.size, ty.bytes());
    layout.size = offset + u64::from(ty.bytes());
    layout.align = layout.align.max(ty.bytes());
    layout.inhabitants = Inhabitants::NONE;
    layout.leaves = layout.leaves.filter(|l| l.is_empty());
    let mut scalars = payload.scalars.as_deref().map(<[Scalar]>::to_vec);
    append_scalars(&mut scalars, offset, Some(&[Scalar { offset: 0, ty }]));
    layout.scalars = scalars.map(Vec::into_boxed_slice);
    layout.shape = shape(TagKind::Extra {
        payload_case: case,
        offset,
        ty,
    });
    layout
}

/// Cuts a payload area into integers, each naturally aligned and as large as possible, so that every naturally aligned scalar lies inside one.
fn chunks(size: u64) -> Option<Vec<Scalar>> {
    let mut list = Vec::new();
    let mut offset = 0;
    while offset < size {
        let ty = match size - offset {
            1 => types::I8,
            2..4 => types::I16,
            4..8 => types::I32,
            _ => types::I64,
        };
        if list.len() == MAX_SCALARS {
            return None;
        }
        list.push(Scalar {
            offset: offset as u32,
            ty,
        });
        offset += u64::from(ty.bytes());
    }
    Some(list)
}

fn multi_payload(
    payloads: &[(u32, &Layout)],
    count: usize,
    empty: u32,
    shape: impl Fn(TagKind) -> Shape,
) -> Layout {
    let size = payloads.iter().map(|(_, l)| l.size).max().unwrap_or(0);
    let align = payloads.iter().map(|(_, l)| l.align).max().unwrap_or(1);
    let ty = tag_type(count);
    let offset = align_up(size, ty.bytes());
    let mut scalars = chunks(size);
    append_scalars(&mut scalars, offset, Some(&[Scalar { offset: 0, ty }]));
    // Payloads whose scalars have no scalar form themselves are only looked at in memory.
    if payloads.iter().any(|(_, l)| l.scalars.is_none()) {
        scalars = None;
    }
    let trivial = payloads.iter().all(|(_, l)| l.trivial);
    // When every payload is counted by its first word alone (as the boxes of indirect cases are), so is the enum: cases without payload
    // store zero there.
    let first_word = Leaf {
        offset: 0,
        unowned: false,
    };
    let uniform = empty as usize + payloads.len() == count
        && payloads
            .iter()
            .all(|(_, l)| l.leaves.as_deref() == Some(&[first_word]));
    Layout {
        size: offset + u64::from(ty.bytes()),
        align: align.max(ty.bytes()),
        inhabitants: tag_inhabitants(ty, offset, count),
        trivial,
        takable: payloads.iter().all(|(_, l)| l.takable),
        scalars: scalars.map(Vec::into_boxed_slice),
        leaves: match (trivial, uniform) {
            (true, _) => Some(Box::new([])),
            (false, true) => Some(Box::new([first_word])),
            (false, false) => None,
        },
        shape: shape(TagKind::Multi { offset, ty }),
    }
}
