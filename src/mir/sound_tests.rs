//! Graphs from records that somebody made by hand: refused, or harmless to whatever looks at them.

use super::facts::Facts;
use super::sound::is_sound;
use super::source_tests::workspace;
use super::{FnId, FnKind, Mir, build, dump, functions_of, mentions, opt, verify, walk};
use crate::db::{Db, SourceFile};
use crate::types::codec;

/// Functions with a bit of everything that a graph can hold.
const PROGRAM: &str = "
enum Tree<T> { case leaf; indirect case node(Tree<T>, T, Tree<T>)
  var list: [T] { switch this { case .leaf: return []; case .node(immutable l, immutable x, immutable r): return l.list + [x] + r.list } } }
struct Refused: Error {}
class Counter { var count = 0; weak var other: Counter?; init() {}
  fn next(_ step: Int) throws -> Int { if step < 0 { throw Refused() }; count += step; return count } }
fn apply(_ f: @escaping (Int) -> Int) -> (Int) -> Int { var calls = 0; return { calls += 1; return f($0) + calls } }
fn sum(_ list: [Int]) -> Int { var all = 0; for x in list where x != 3 { all += x }; return all }
fn describe(_ x: Any) -> String { if immutable n = x as? Int { return \"\\(n)\" }; return \"?\" }
fn attempt(_ c: Counter) -> Int { do { return try c.next(1) } catch { return 0 } }
fn pick(_ n: Int) -> String { switch n { case 0: return \"none\"; case 1, 2: return \"few\"; default: return \"many\" } }
";

/// Every graph of a file's functions.
fn graphs(db: &dyn Db, file: SourceFile) -> Vec<&Mir> {
    let owners = crate::items::body_owners(db, file).iter();
    let ids = owners.flat_map(|&def| {
        let others = [FnKind::Allocate, FnKind::EndAccess, FnKind::DestroyObject];
        let others = others.map(|kind| FnId { def, kind });
        functions_of(db, def).into_iter().chain(others)
    });
    ids.filter_map(|id| build(db, id.def, id.kind).mir.as_deref())
        .collect()
}

/// Does what the stages behind the decoder do with a graph, as far as that needs no other.
fn use_graph(db: &dyn Db, mut mir: Mir) {
    let _ = verify::verify(db, &mir);
    let _ = dump::dump(db, &mir);
    let _ = walk::reverse_postorder(&mir);
    mentions::functions_mentioned(&mir, &mut |_| {});
    walk::map_types(&mut mir, &mut |ty| ty, &mut |args| args);
    opt::run(&mut mir, Facts { db });
    mir.prune();
}

#[test]
fn what_is_built_is_sound() {
    let (db, file) = workspace(PROGRAM);
    let graphs = graphs(&db, file);
    assert!(graphs.len() > 15, "{}", graphs.len());
    for mir in graphs {
        assert!(is_sound(mir, mir.id), "{}", dump::dump(&db, mir));
        let bytes = codec::encode(&db, mir).unwrap().bytes;
        assert_eq!(codec::decode::<Mir>(&db, &bytes).as_ref(), Some(mir));
    }
}

#[test]
fn a_graph_belongs_to_its_function() {
    let (db, file) = workspace(PROGRAM);
    let graphs = graphs(&db, file);
    assert!(!is_sound(graphs[0], graphs[1].id));
}

/// Each byte of each graph becomes another one, and graphs lose their ends.
#[test]
fn graphs_of_any_content_are_refused_or_usable() {
    let (db, file) = workspace(PROGRAM);
    let (mut cases, mut undecodable, mut unsound) = (0, 0, 0);
    for graph in graphs(&db, file) {
        let intact = codec::encode(&db, graph).unwrap().bytes;
        for at in 0..intact.len() {
            for value in [0, intact[at].wrapping_add(1), 0x7f] {
                let mut bytes = intact.clone();
                bytes[at] = value;
                cases += 1;
                match codec::decode::<Mir>(&db, &bytes) {
                    None => undecodable += 1,
                    Some(mir) if !is_sound(&mir, graph.id) => unsound += 1,
                    Some(mir) => use_graph(&db, mir),
                }
            }
        }
        for end in (0..intact.len()).step_by(7) {
            assert_eq!(codec::decode::<Mir>(&db, &intact[..end]), None);
        }
    }
    // All kinds of outcome were seen, so that the cases are worth something.
    println!("{cases} cases, {undecodable} undecodable, {unsound} unsound");
    assert!(undecodable > 1000 && unsound > 1000 && cases - undecodable - unsound > 1000);
}
