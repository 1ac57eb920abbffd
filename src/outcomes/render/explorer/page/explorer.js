(function () {
  "use strict";
  var all = JSON.parse(document.getElementById("data").textContent);
  var started = false, chart = null, label = document.querySelector(".label");

  function at(id) { return document.getElementById(id); }
  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function rem(times) { return times * parseFloat(getComputedStyle(document.documentElement).fontSize); }
  /* With more decimals where a value would read as the zero that it is not: `beside` of words.py. */
  function number(value, digits, apart) { while (apart && value && digits < 5 && !+value.toFixed(digits)) { digits += 1; } return value.toFixed(digits).replace("-", "\u2212").replace(/^\u2212(0\.?0*)$/, "$1"); }

  function fill(select, options) {
    var before = select.value;
    select.replaceChildren.apply(select, options.map(function (pair) { return new Option(pair[1], pair[0]); }));
    select.value = options.some(function (pair) { return pair[0] === before; }) ? before : options[0][0];
    select.disabled = options.length < 2;
  }

  function picked() {
    var of = all[at("instrument").selectedIndex];
    var group = at("group").value, level = at("pressure").value, time = +at("time").value;
    var curve = of.curves[group + "|" + level] || [];
    return { of: of, group: group, level: level, time: time, curve: curve, rest: rest(of, group, level, at("beside").value),
      point: curve.find(function (p) { return p[0] === time; }) };
  }

  /* What the chosen curve is drawn beside: the same courses at the pressure given, the other arm, or all courses. */
  function rest(of, group, level, beside) {
    if (beside) { return { name: named(at("beside")), points: of.curves[beside] || [], set: !/\|$/.test(beside) }; }
    var other = of.who === "Arm" && of.groups.find(function (pair) { return pair[0] !== group; });
    if (other) { return { name: other[1], points: of.curves[other[0] + "|"] || [] }; }
    if (level) { return { name: "pressure as given", points: of.curves[group + "|given"] || [] }; }
    if (group !== "all") { return { name: "all courses", points: of.curves["all|"] || [] }; }
    return { name: "", points: [] };
  }

  function named(select) { return select.options[select.selectedIndex].text; }

  function sentence(now) {
    var words = now.of.sentences, when = now.of.when[now.time];
    var kind = now.point ? (now.level ? "pressure" : "change") : (now.level ? "nothingAtLevel" : "nothing");
    var whom = now.group === "all" ? words.all : words.whom.replace("{group}", named(at("group")));
    return words[kind].replace("{found}", now.point && now.point[4]).replace("{when}", when)
      .replace("{When}", when[0].toUpperCase() + when.slice(1)).replace("{whom}", whom)
      .replace("{level}", named(at("pressure")));
  }

  /* What the two picks differ by at the picked time, with an interval made of their two intervals: as if they were
     independent (Zou & Donner 2008, Stat Med 27:1693), which is rather too wide, for therapists and courses are shared;
     where pressure was set both come from one slope, and the sum of both is the widest that can be. */
  function difference(now) {
    var other = now.rest.points.find(function (p) { return p[0] === now.time; }), point = now.point;
    if (!point || !other || !now.rest.name) { return ""; }
    function courses(one) { return one[5] === null ? "not shown" : one[5]; }
    function far(one, two) { return now.rest.set || now.level ? one + two : Math.hypot(one, two); }
    var middle = point[1] - other[1];
    var low = middle - far(point[1] - point[2], other[3] - other[1]), high = middle + far(point[3] - point[1], other[1] - other[2]);
    var how = now.rest.set || now.level ? "at the widest, both come from one model" : "as if the two were independent, so rather too wide";
    var shown = now.of.digits;
    return "Difference from " + now.rest.name + ": " + number(middle, shown, low * high > 0) + " " + now.of.unit + " (95\u00a0% CI " +
      number(low, shown, true) + " to " + number(high, shown, true) + ", " + how + "); courses: " + courses(point) + " and " + courses(other) + ".";
  }

  /* Every curve of an instrument, to stand beside the one that is picked. */
  function others(of) {
    function name(options, value) { return options.find(function (pair) { return pair[0] === value; }); }
    var keys = Object.keys(of.curves).filter(function (key) { return !/\|given$/.test(key); });
    return [["", "nothing"]].concat(keys.map(function (key) {
      var parts = key.split("|"), level = name(of.pressures, parts[1]);
      return [key, name(of.groups, parts[0])[1] + (parts[1] && level ? ", pressure " + level[1] : "")];
    }));
  }

  /* The picks stand in the address, so that a view can be sent or kept. */
  var kept = ["instrument", "group", "pressure", "time", "beside"];

  function remember() {
    var words = kept.map(function (id) { return id + "=" + encodeURIComponent(at(id).value); });
    try { history.replaceState(null, "", "#" + words.join("&")); } catch (error) { location.hash = words.join("&"); }
  }

  function recall() {
    var known = new URLSearchParams(location.hash.slice(1));
    kept.forEach(function (id) {
      var value = known.get(id), box = at(id);
      if (value === null) { return; }
      if (!box.options) { box.value = value; return; }
      if (Array.from(box.options).some(function (option) { return option.value === value; })) { box.value = value; }
      if (id === "instrument") { choose(); }
    });
  }

  function copy() {
    var text = at("sentence").textContent + " " + at("difference").textContent, box = document.createElement("textarea");
    box.value = text.trim(); document.body.append(box); box.select();
    at("copied").textContent = document.execCommand("copy") ? "Copied." : "Select the sentence to copy it.";
    box.remove(); at("copy").focus();
  }

  function title(now) {
    return now.of.title + ", " + named(at("group")) + (now.level ? ", pressure " + named(at("pressure")) : "");
  }

  function table(now) {
    at("caption").textContent = title(now) + ". " + now.of.yLabel + "; positive = better.";
    at("column").textContent = now.of.axis;
    at("rows").replaceChildren.apply(at("rows"), now.of.times.map(function (time, place) {
      var point = now.curve.find(function (p) { return p[0] === place; });
      var shown = now.of.digits;
      var cells = point ? [number(point[1], shown, point[2] * point[3] > 0), number(point[2], shown, true) + " to " + number(point[3], shown, true),
        point[5] === null ? "\u2013" : point[5]] : ["no data here", "", ""];
      var row = document.createElement("tr"), head = document.createElement("th");
      head.scope = "row"; head.textContent = time; row.append(head);
      cells.forEach(function (text) { row.insertCell().textContent = text; });
      if (place === now.time) { row.className = "picked"; }
      return row;
    }));
  }

  function column(now, points, which) {
    return now.of.times.map(function (_, place) {
      var point = points.find(function (p) { return p[0] === place; });
      return point ? point[which] : null;
    });
  }

  function line(stroke, dash, filled) {
    return { stroke: stroke, width: rem(.16), dash: dash, spanGaps: false,
      points: { show: true, size: rem(.5), width: rem(.12), fill: filled ? stroke : colour("--paper"), stroke: stroke } };
  }

  function axis(label, side) {
    var text = Math.round(rem(.85)) + 'px "DejaVu Sans", Verdana, sans-serif';
    return { label: label, font: text, labelFont: text, stroke: colour("--ink"), side: side,
      size: rem(side === 2 ? 1.8 : 2.8), labelSize: rem(1.5), gap: rem(.3), space: rem(side === 2 ? 3.2 : 2.4),
      incrs: side === 2 ? [1, 2, 4, 5, 10, 20, 50] : undefined,
      values: function (u, ticks) { return ticks.map(function (v) { return String(+v.toFixed(6)).replace("-", "\u2212"); }); },
      grid: { show: side === 3, stroke: colour("--grid"), width: 1 }, ticks: { show: false } };
  }

  function last(points) { return points[points.length - 1]; }

  /* Points, name and colour of each curve that needs a name. */
  function names(now) {
    var own = named(at(now.level ? "pressure" : "group"));
    if (own.length > 22) { own = own.slice(0, 21) + "\u2026"; }
    return [[now.curve, now.rest.points.length ? own : "", "--line"], [now.rest.points, now.rest.name, "--rest"]]
      .filter(function (item) { return item[0].length && item[1]; });
  }

  /* Names beside the ends of the curves, the picked time, and its interval. */
  function labels(now) {
    return function (u) {
      var c = u.ctx, ratio = devicePixelRatio, step = rem(1.1) * ratio, before = null;
      c.save();
      c.font = "700 " + rem(.85) * ratio + 'px "DejaVu Sans", Verdana, sans-serif';
      c.textBaseline = "middle";
      c.textAlign = "left";
      names(now).forEach(function (item) {
        var end = last(item[0]), x = u.valToPos(now.of.times[end[0]], "x", true), y = u.valToPos(end[1], "y", true);
        if (before !== null && Math.abs(y - before) < step) { y = before + (y < before ? -step : step); }
        before = y;
        c.fillStyle = colour(item[2]);
        c.strokeStyle = colour("--paper");
        c.lineWidth = rem(.25) * ratio;
        c.strokeText(item[1], x + rem(.7) * ratio, y);
        c.fillText(item[1], x + rem(.7) * ratio, y);
      });
      if (label) {
        c.fillStyle = colour("--muted");
        c.fillText(label.textContent, u.bbox.left + rem(.3) * ratio, u.bbox.top + rem(.6) * ratio);
      }
      var x = u.valToPos(now.of.times[now.time], "x", true);
      if (!now.point) {
        c.fillStyle = colour("--muted");
        c.textAlign = "center";
        c.fillText("no data here", x, u.bbox.top + step);
      } else {
        c.strokeStyle = c.fillStyle = colour("--line");
        c.lineWidth = rem(.2) * ratio;
        c.beginPath();
        c.moveTo(x, u.valToPos(now.point[2], "y", true));
        c.lineTo(x, u.valToPos(now.point[3], "y", true));
        c.stroke();
        c.beginPath();
        c.arc(x, u.valToPos(now.point[1], "y", true), rem(.5) * ratio, 0, 7);
        c.fill();
      }
      c.restore();
    };
  }

  function range(now) {
    var every = Object.values(now.of.curves).flat();  // the axis stays, so that picks can be compared by eye
    var ends = every.flatMap(function (p) { return [p[2], p[3]]; }).concat(0);
    var low = Math.min.apply(null, ends), high = Math.max.apply(null, ends), room = .06 * (high - low || 1);
    return [low < 0 ? low - room : 0, high + room];
  }

  /* Pixels beside the plot for the names that do not fit in it behind the ends of their curves. */
  function room(now) {
    var c = document.createElement("canvas").getContext("2d"), longest = last(now.of.times);
    c.font = "700 " + rem(.85) + 'px "DejaVu Sans", Verdana, sans-serif';
    return Math.max.apply(null, names(now).map(function (item) {
      var share = (longest - now.of.times[last(item[0])[0]]) / longest, plot = at("chart").clientWidth - rem(4);
      return (c.measureText(item[1]).width + rem(1.2) - share * plot) / (1 - share);  // what is taken makes the plot narrower
    }).concat(rem(.8)));
  }

  function draw(now) {
    var times = now.of.times, pad = times.length > 1 ? .3 : .5, area = at("chart");
    var height = Math.max(rem(12), Math.min(innerHeight - area.getBoundingClientRect().top - scrollY - 8, rem(24)));
    var hidden = { points: { show: false }, stroke: "transparent" };
    var options = {
      width: area.clientWidth, height: height,
      padding: [rem(.5), room(now), 0, 0], legend: { show: false }, cursor: { show: false },
      scales: { x: { time: false, range: [Math.min(0, times[0]), last(times) + pad] }, y: { range: range(now) } },
      axes: [axis(now.of.axis, 2), axis(height > rem(17) ? now.of.yLabel : now.of.unit, 3)],
      series: [{}, hidden, hidden, line(colour("--rest"), [rem(.5), rem(.3)], false), hidden, hidden, line(colour("--line"), [], true)],
      bands: [{ series: [2, 1], fill: colour("--rest-band") }, { series: [5, 4], fill: colour("--band") }],
      hooks: { draw: [labels(now)] }
    };
    var columns = [times];
    [now.rest.points, now.curve].forEach(function (points) {
      [2, 3, 1].forEach(function (which) { columns.push(column(now, points, which)); });
    });
    if (chart) { chart.destroy(); }
    chart = new uPlot(options, columns, area);
    chart.over.addEventListener("click", function (event) {
      var value = chart.posToVal(event.clientX - chart.over.getBoundingClientRect().left, "x");
      var near = times.map(function (t) { return Math.abs(t - value); });
      at("time").value = near.indexOf(Math.min.apply(null, near));
      show();
    });
  }

  function show() {
    var now = picked(), words = sentence(now);
    var other = rest(now.of, now.group, now.level, "").name;
    at("beside").options[0].text = other ? other + " (suggested)" : "nothing";
    at("moment").textContent = now.of.times[now.time];
    at("time").setAttribute("aria-valuetext", now.of.when[now.time]);
    if (at("sentence").textContent !== words) { at("sentence").textContent = words; }
    at("chart").setAttribute("aria-label", "Curve of " + title(now) + " with 95 % intervals. " + words + " The table below has its numbers.");
    at("difference").textContent = difference(now);
    at("copied").textContent = "";
    at("how").hidden = !now.level;
    table(now);
    draw(now);
    if (started) { remember(); }
  }

  function choose() {
    var of = all[at("instrument").selectedIndex];
    at("axis").textContent = of.axis;
    at("who").textContent = of.who;
    fill(at("group"), of.groups);
    fill(at("pressure"), of.pressures);
    fill(at("beside"), others(of));
    at("no-pressure").textContent = of.noPressure;
    at("time").max = of.times.length - 1;
    at("time").value = of.start;
    show();
  }

  fill(at("instrument"), all.map(function (of) { return [of.name, of.title]; }));
  at("instrument").addEventListener("change", choose);
  at("group").addEventListener("change", show);
  at("pressure").addEventListener("change", show);
  at("beside").addEventListener("change", show);
  at("copy").addEventListener("click", copy);
  at("time").addEventListener("input", show);
  document.querySelector("form").addEventListener("submit", function (event) { event.preventDefault(); });
  addEventListener("resize", show);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  choose();
  recall();
  show();
  started = true;
})();
