// Notes in the page what benchmarks/page.py wants to know. A frame counts if the floor was painted in it; what it took is
// the time since the frame before, painted or not, so that whatever held it up is counted too.
() => {
  const DISC = 5;
  const page = window.mistlocate;
  const { plan } = page;
  const meter = { frames: [], paints: [], news: [], shares: [] };
  let painted = 0;
  let last = null;
  let known = null;

  const paint = plan.paint.bind(plan);
  plan.paint = () => {
    const started = performance.now();
    paint();
    painted += 1;
    meter.paints.push(performance.now() - started);
  };

  const tick = (at) => {
    if (painted && last !== null) meter.frames.push(at - last);
    painted = 0;
    last = at;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);

  // From the text of a message to the end of what all listeners do with it, if it brings this floor.
  let brought = null;
  const take = page.socket.take.bind(page.socket);
  page.socket.take = (text) => {
    const started = performance.now();
    take(text);
    if (brought) meter.news.push(performance.now() - started);
    if (brought) compare(brought);
    brought = null;
  };
  const zone = decodeURIComponent(document.querySelector("#levels a[aria-current]").hash.split("/")[1]);
  page.socket.bind(page.system, page.locations, zone, (records) => { brought = records; });

  // Who is elsewhere than the status before said.
  function compare(records) {
    const places = new Map(records.map((each) => [each.mac, `${each.x},${each.y}`]));
    if (known) meter.shares.push(records.filter((each) => known.get(each.mac) !== places.get(each.mac)).length / records.length);
    known = places;
  }

  window.meter = {
    pass: (seconds) => new Promise((done) => setTimeout(done, seconds * 1000)),
    reset: () => Object.values(meter).forEach((each) => each.splice(0)),
    read: () => ({
      frames: meter.frames,
      paints: meter.paints,
      news: meter.news,
      moved: meter.shares.reduce((sum, each) => sum + each, 0) / Math.max(1, meter.shares.length),
      drawn: drawn(),
    }),
  };

  // How many are on the canvas now: every one of them is a disc, and a disc is a small arc.
  function drawn() {
    const { pen } = plan;
    const arc = pen.arc.bind(pen);
    let discs = 0;
    pen.arc = (x, y, radius, ...rest) => {
      discs += radius <= DISC ? 1 : 0;
      arc(x, y, radius, ...rest);
    };
    paint();
    delete pen.arc;
    return discs;
  }
}
