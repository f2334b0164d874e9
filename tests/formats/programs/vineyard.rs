// A vineyard in Rust for valgrind's tools: traits, closures, collections, a thread, what is never freed.
use std::collections::BTreeMap;
use std::hint::black_box;

trait Grape {
    fn must(&self, n: u64) -> Vec<u64>;
}
struct Red;
struct White<T>(T);

impl Grape for Red {
    #[inline(never)]
    fn must(&self, n: u64) -> Vec<u64> {
        (0..n).map(|i| i * i).collect()
    }
}
impl<T: Into<u64> + Copy> Grape for White<T> {
    #[inline(never)]
    fn must(&self, n: u64) -> Vec<u64> {
        let more: u64 = self.0.into();
        (0..n).filter(|i| i % 3 != 0).map(|i| i + more).collect()
    }
}

#[inline(never)]
fn press(grapes: &[Box<dyn Grape>], n: u64) -> u64 {
    grapes.iter().map(|g| g.must(n).iter().sum::<u64>()).sum()
}

#[inline(never)]
fn spill(n: usize) {
    for i in 0..n {
        std::mem::forget(black_box(vec![1u8; 300 + i]));
    }
}

fn main() {
    let n: u64 = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(40);
    let worker = std::thread::spawn(move || press(&[Box::new(Red), Box::new(White(3u8))], 3 * n));
    let mut cellar = BTreeMap::new();
    for i in 0..n {
        cellar.insert(format!("vintage {i}"), Red.must(i));
    }
    spill(11);
    let all: u64 = cellar.values().flatten().sum();
    println!("{} {}", all, worker.join().unwrap());
}
