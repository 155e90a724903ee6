#!/usr/bin/env python3
"""Explicit-state model of the record: anchor, commit, transaction, recovery, kill (docs/architecture.md, "record").

Breadth first, so traces are shortest. Environment: un-synced writes lost or torn, a power cut at every step (in recovery too), an
NV_Write not done, done or torn, an fsync that lies once. Adversary: composes the disk from every record ever written and forged
ones, hides, restores and forges the journal, increments the counter, undefines and redefines anchors.

usage: record_model.py [design] [mutants] [loose] [deep]
  design    the design as built, in bounded scenarios: no violation, every run complete
  mutants   one step done wrong: each must show a violation
  loose     forms of the design that were refused because of what this shows: each must show a violation
  deep      design again, with the full budgets (minutes, several GB)
Exits 1 when a run ends otherwise than it must. Not modelled: signatures of orders and receipts, more than two transactions, how real
chips tear NV.
"""
import sys
import time
from collections import deque, namedtuple

Rec = namedtuple('Rec', 'gen life phase epoch active sk bound psk pbound pact T val')
St = namedtuple('St', 'copies pend an ctr objs vf otp jr pc tam latest dv dec killed cleared hist jh vh B')
Bud = namedtuple('Bud', 'cut tamper undef inc txn dset fault order sk ticket')
LOOSE = dict(torn_nv=True, checksum=False, on_nomatch='lost', both=True, gap=False, idx=2, fallback='copy', reseal='loose', dsk='same',
           set_trial=True, Trule='design', resume='design', clear_resume=False, order=('w','f','rb','nv','nvrb'), loser='right', early_reseal=False,
           rollfwd=False, gc='after', inc_first=False, otp_skip=False, prevfield=False, journalT='disk', kill_unanch='journal', gen0=False, cache=False, noburn=False)
DESIGN = dict(LOOSE, checksum=True, gap=True, fallback='field', reseal='anchored', dsk='fresh', set_trial=False, gen0=True, Trule='fix', resume='fix', clear_resume=True)
OF, OT = 1, 2  # order: epoch_from, epoch_to (the counter starts at 1)

class Viol(Exception): pass

def accept(c, an, F):
    """-> Rec or a string (why lost)"""
    if F['idx'] == 1: an = (an[0],)
    val = []
    for a in an:
        if a is None or a == 'U':
            if F['both']: return 'lost:anchor missing or unwritten'
        elif a == 't':
            if F['idx'] == 1: return 'lost:anchor torn'
        else: val.append(a)        # ('g',rec) or ('x',gen)
    if not val: return 'lost:no anchor'
    gen = lambda a: a[1].gen if a[0] == 'g' else a[1]
    val.sort(key=gen, reverse=True)
    if F['gap'] and len(val) == 2 and gen(val[0]) - gen(val[1]) != 1: return 'lost:anchor gap'
    if F['gen0'] and gen(val[0]) == 0: return 'lost:generation 0 is never accepted'
    if F['rollfwd']:
        best = [r for r in c if isinstance(r, Rec)]
        if best and max(best, key=lambda r: r.gen).gen == gen(val[0]) + 1: return max(best, key=lambda r: r.gen)
    for i, a in enumerate(val):
        if a[0] == 'g' and a[1] in c: return a[1]
        if F['on_nomatch'] == 'lost': return 'lost:no copy matches the highest anchor'
    return 'lost:no copy matches'

def bound_of(r): return r.epoch + 1 if r.phase in '12' else r.epoch

def new_T(F, ctr, cur):
    if F['Trule'] == 'design': return max(ctr + 2, OT + 1)
    if F['Trule'] == 'c+1': return ctr + 1
    if F['Trule'] == 'fix': return max(OT + 2, bound_of(cur) + 1)
    if F['Trule'] == 'to+1': return OT + 1
    raise 0

def check(s, F):
    for sk, b in s.objs:                                    # I3
        if b > s.ctr and not s.cleared:
            l = s.latest
            if not (l.phase in '12' or l.life == 'D') : raise Viol('I3: object opening at a higher epoch while COMMITTING is not anchored')
    l = s.latest
    if s.killed:
        for sk, b in s.objs:
            if b >= s.ctr: raise Viol('KILL: after the kill SK%s (ULE %d) opens at counter %d' % (sk, b, s.ctr))

def on_accept(s, r, F):
    """checks when an approved boot accepted r"""
    if r != s.latest:
        raise Viol('ACCEPT: accepted gen %d %s, the last anchored is gen %d %s' % (r.gen, 'FORGED' if r.active < 0 else r.life + r.phase, s.latest.gen, s.latest.life + s.latest.phase))
    if s.dec and r.life not in 'DR': raise Viol('DECOMMISSIONING left: record says ' + r.life)
    if r.life == 'O' and bound_of(r) >= s.ctr and not s.killed:
        opens = r.bound >= s.ctr
        if not s.tam and not s.jr:
            if not opens: raise Viol('I2: SK of the anchored record (ULE %d) does not open at %d' % (r.bound, s.ctr))
            fs = [v for k, v in s.vf if k == r.sk]
            if not fs: raise Viol('I2: no vault file for the anchored SK')
            if max(fs) < s.dv: raise Viol('VAULT: acknowledged --durable value lost')
        if opens and any(k == r.sk and v < s.dv for k, v in s.vh): raise Viol('VAULT: an older file than the anchored --durable one opens under the anchored SK')

def confirmed(s, r):
    """I1, I5 when CONFIRMED of a transaction is anchored"""
    if s.otp != r.active: raise Viol('I1: CONFIRMED without the OTP step of its own set')
    for sk, b in s.objs:
        if sk != r.sk and b >= s.ctr: raise Viol('I5: SK%s (ULE %d) of an older/aborted commit opens after CONFIRMED at %d' % (sk, b, s.ctr))

def put(t, i, v): return t[:i] + (v,) + t[i+1:]

def ops_idle(s, cur, F):
    """honest software, approved boot, accepted record cur"""
    b = s.B; out = []
    if cur.life == 'D': return resume_anch(s, cur, F)
    if cur.life == 'E' : return []
    if s.jr and F['resume'] == 'fix':                        # an accepted order not yet anchored: anchor it now, else it is stale
        if OF <= s.ctr <= OT + 2:
            return [('spooled order: anchor DECOMMISSIONING', s._replace(pc=('CM', 0, cur._replace(gen=cur.gen+1, life='D', T=new_T(F, s.ctr, cur), psk=0, pbound=0, pact=0), 'D')))]
    if b.order and OF <= s.ctr <= OT:
        T = new_T(F, s.ctr, cur)
        out.append(('order accepted', s._replace(B=b._replace(order=0), pc=('CM', 0, cur._replace(gen=cur.gen+1, life='D', T=T, psk=0, pbound=0, pact=0), 'D'))))
    ahead = s.ctr > bound_of(cur) or (s.ctr > cur.bound)
    if ahead: return out                                     # I6 fail closed
    if cur.phase == 'C':
        if b.txn and s.ctr == cur.epoch:
            sk = b.sk + 1
            r = cur._replace(gen=cur.gen+1, phase='T', active=sk, sk=sk, bound=cur.epoch, psk=cur.sk, pbound=cur.bound, pact=cur.active)
            out.append(('txn: SK%d sealed ULE %d, vault file durable, commit TRIAL' % (sk, cur.epoch),
                s._replace(objs=s.objs | {(sk, cur.epoch)}, vf=s.vf | {(sk, cur.val)}, vh=s.vh | {(sk, cur.val)}, B=b._replace(txn=b.txn-1, sk=sk), pc=('CM', 0, r, 'T'))))
    if cur.phase == 'C' or (cur.phase == 'T' and F['set_trial']):
        if b.dset:
            v = cur.val + 1
            if F['dsk'] == 'fresh':
                sk = b.sk + 1; bb = b._replace(dset=b.dset-1, sk=sk); ob = s.objs | {(sk, cur.epoch)}; bd = cur.epoch
            else: sk = cur.sk; bb = b._replace(dset=b.dset-1); ob = s.objs; bd = cur.bound
            vf = s.vf | {(sk, v)}
            if F['gc'] == 'before': vf = frozenset(x for x in vf if x[0] == sk)
            out.append(('store set --durable: vault file under SK%d, commit' % sk, s._replace(objs=ob, vf=vf, vh=s.vh | {(sk, v)}, B=bb,
                pc=('CM', 0, cur._replace(gen=cur.gen+1, sk=sk, bound=bd, val=v), 'S'))))
    if cur.phase == 'T':
        if F['early_reseal']:
            out.append(('health ok: reseal ULE %d before COMMITTING is anchored' % (cur.epoch+1), s._replace(objs=s.objs | {(cur.sk, cur.epoch+1)}, pc=('CM', 0, cur._replace(gen=cur.gen+1, phase='2', bound=cur.epoch+1), '2'))))
        else:
            out.append(('health ok: commit COMMITTING', s._replace(pc=('CM', 0, cur._replace(gen=cur.gen+1, phase='1', psk=0, pbound=0, pact=0), '1'))))
        if F['fallback'] == 'field':
            out.append(('health bad: fall back (fields of TRIAL record)', s._replace(pc=('CM', 0, cur._replace(gen=cur.gen+1, phase='C', active=cur.pact, sk=cur.psk, bound=cur.pbound, psk=0, pbound=0, pact=0), 'F'))))
        else:
            o = s.copies[(cur.gen + 1) % 2]
            if not isinstance(o, Rec):
                if not s.tam: raise Viol('FALL-BACK: TRIAL is anchored and the only copy of the previous record (old SK, old set) is torn')
            elif F['fallback'] == 'copy':
                out.append(('health bad: fall back (previous record copy)', s._replace(pc=('CM', 0, o._replace(gen=cur.gen+1, phase='C'), 'F'))))
            elif ('g', o) in s.an:
                out.append(('health bad: fall back (copy, checked against the other anchor)', s._replace(pc=('CM', 0, o._replace(gen=cur.gen+1, phase='C'), 'F'))))
    if cur.phase == '1':
        if F['reseal'] == 'anchored':
            out.append(('reseal ULE %d, commit RESEALED' % (cur.epoch+1), s._replace(objs=s.objs | {(cur.sk, cur.epoch+1)}, pc=('CM', 0, cur._replace(gen=cur.gen+1, phase='2', bound=cur.epoch+1), '2'))))
        else:
            out.append(('reseal ULE %d kept beside the record' % (cur.epoch+1), s._replace(objs=s.objs | {(cur.sk, cur.epoch+1)}, pc=('OTP', cur))))
        if F['inc_first'] and s.ctr == cur.epoch: out.append(('increment before the reseal is anchored', s._replace(ctr=s.ctr+1, pc=('IDLE', cur))))
    if cur.phase == '2': out.append(('write+lock OTP', s._replace(pc=('OTP', cur))))
    return out

def step(s, F):
    """list of (label, state)"""
    out = []; b = s.B; pc = s.pc; k = pc[0]
    def cut(label='power cut', **kw):
        """power cut: un-synced data resolves to old, new or torn"""
        if not b.cut: return
        t = s._replace(B=b._replace(cut=b.cut-1), pc=('OFF',), pend=None, **kw)
        out.append((label, t))
        if s.pend:
            i, r = s.pend
            out.append((label + ' (un-synced copy written)', t._replace(copies=put(t.copies, i, r))))
            out.append((label + ' (un-synced copy torn)', t._replace(copies=put(t.copies, i, 't'))))
    if k == 'OFF':
        out.append(('boot approved', s._replace(pc=('BOOT',))))
        if not s.cleared or True: out.append(('boot unapproved', s._replace(pc=('BAD',))))
        if b.tamper:
            t = s._replace(B=b._replace(tamper=b.tamper-1), tam=1)
            fk = Rec(s.latest.gen, 'O', 'C', s.ctr, -1, -1, 99, 0, 0, 0, 0, 0)
            pool = list(s.hist) + [fk, fk._replace(gen=s.latest.gen+1), fk._replace(gen=s.latest.gen-1), None]
            for x in ([] if F.get('jonly') else pool):
                for y in pool: 
                    if (x, y) != s.copies: out.append(('adversary writes disk A=%s B=%s' % (sh(x), sh(y)), t._replace(copies=(x, y))))
            for j in s.jh | {0}:
                if j != s.jr: out.append(('adversary sets journal T=%s' % j, t._replace(jr=j)))
            if F['resume'] == 'fix' and not s.jr and (b.order or s.jh): out.append(('adversary forges the journal', t._replace(jr=1)))
            if s.jh and F.get('forge'): out.append(('adversary forges journal T=%d' % s.ctr, t._replace(jr=s.ctr)))
        if b.inc and not s.cleared: out.append(('adversary increments', s._replace(ctr=s.ctr+1, tam=1, B=b._replace(inc=b.inc-1))))
        if b.undef and not s.cleared:
            for i in range(F['idx']):
                for v in (None, 'U'): out.append(('adversary undefines%s anchor %d' % ('' if v is None else '+redefines', i), s._replace(an=put(s.an, i, v), tam=1, B=b._replace(undef=b.undef-1))))
    elif k == 'BOOT':
        if s.cleared: out.append(('-> cleared', s._replace(pc=('CLR',)))); return out
        r = accept(s.copies, s.an, F)
        if isinstance(r, str):
            if s.latest.gen < 0: return [('not provisioned: provision', s._replace(pc=('PROV', 0)))]
            if not s.tam: raise Viol('BRICK: honest device, no adversary: ' + r)
            # state lost: nothing opens; the order (spool) is still honoured
            out += kill_unanchored(s, None, F)
            if b.ticket: out.append(('state lost: enrolment ticket, provisioning again', s._replace(B=b._replace(ticket=0), pc=('PROV', 0))))
        else:
            on_accept(s, r, F)
            out.append(('-> accepted gen %d %s%s' % (r.gen, r.life, r.phase), s._replace(pc=('IDLE', r))))
            if r.life != 'D' and s.jr and F['resume'] == 'design': out += kill_unanchored(s, r, F)
    elif k == 'CLR':
        # Clear done, certificate not out yet: resume must be possible without an epoch index
        if not F['clear_resume']: raise Viol('RESUME: power cut after Clear: no epoch index, "counter in [from,T]" cannot hold, certificate cannot be finished')
        out.append(('finish: certificate', s._replace(pc=('DONE',))))
    elif k == 'BAD':
        if s.cleared: out.append(('-> cleared', s._replace(pc=('CLR',)))); return out
        r = accept(s.copies, s.an, F); out += kill_unanchored(s, r if isinstance(r, Rec) else None, F); cut()
    elif k == 'IDLE':
        out += ops_idle(s, pc[1], F); cut()
    elif k == 'CM':
        _, n, r, why = pc; st = F['order'][n] if n < len(F['order']) else 'end'
        i = r.gen % 2 if F['loser'] == 'right' else (r.gen + 1) % 2
        ai = 0 if F['idx'] == 1 else (r.gen % 2 if F['loser'] != 'winidx' else (r.gen + 1) % 2)
        nx = lambda **kw: s._replace(pc=('CM', n+1, r, why), **kw)
        if st == 'w':
            out.append(('  write copy %s gen %d %s%s' % ('AB'[i], r.gen, r.life, r.phase), nx(pend=(i, r), hist=s.hist | {r}))); cut()
        elif st == 'f':
            if s.pend: out.append(('  fsync', nx(copies=put(s.copies, s.pend[0], r), pend=None)))
            else: out.append(('  fsync (nothing)', nx()))
            if b.fault: out.append(('  fsync reports success, medium is wrong', nx(copies=put(s.copies, i, 't'), pend=None, B=b._replace(fault=b.fault-1))))
            cut()
        elif st == 'rb':
            ok = (s.copies[i] == r and s.pend is None) or (F['cache'] and (s.pend is None or s.pend == (i, r)))
            out.append(('  read back ok', nx()) if ok else ('  read back differs: again', s._replace(pc=('CM', 0, r, why), pend=None))); cut()
        elif st == 'nv':
            t = dict(an=put(s.an, ai, ('g', r)), latest=r, dec=s.dec or r.life == 'D')
            out.append(('  NV_Write anchor %d gen %d' % (ai, r.gen), nx(**t)))
            cut('  power cut before NV_Write'); cut('  power cut after NV_Write took effect', **t)
            if F['torn_nv']: cut('  power cut tears NV_Write', an=put(s.an, ai, 't' if F['checksum'] else ('x', r.gen)))
        elif st == 'nvrb': out.append(('  read anchor back', nx())); cut()
        else:
            t = s
            if why == 'S': t = t._replace(dv=r.val)
            if why in 'SF' or why == 'X': t = t._replace(vf=frozenset(x for x in t.vf if x[0] in (r.sk, r.psk)))
            if why == 'X': confirmed(t, r)
            if why == 'D': t = t._replace(pc=('KILL', r.T, True))
            else: t = t._replace(pc=('IDLE', r))
            out.append(('  commit done', t)); cut()
    elif k == 'OTP':
        r = pc[1]
        if F['otp_skip'] and s.ctr == r.epoch + 1: out.append(('OTP skipped, counter is already at to', s._replace(pc=('INC', r))))
        else: out.append(('OTP written', s._replace(otp=r.active, pc=('INC', r)))); 
        cut(); cut('power cut after OTP', otp=r.active)
    elif k == 'INC':
        r = pc[1]
        if s.ctr == r.epoch: out.append(('increment', s._replace(ctr=s.ctr+1, pc=('INC', r)))); cut('power cut after increment', ctr=s.ctr+1)
        elif s.ctr == r.epoch + 1: out.append(('commit CONFIRMED', s._replace(pc=('CM', 0, r._replace(gen=r.gen+1, phase='C', epoch=r.epoch+1, bound=r.epoch+1), 'X'))))
        cut()
    elif k == 'PROV':
        n = pc[1]; sk = b.sk + 1
        burn = 2 if F.get('burn', True) else 0
        r0 = Rec(0, 'E', 'C', s.ctr, 0, sk, s.ctr, 0, 0, 0, 0, 0)
        if n == 0: out.append(('  epoch += %d' % burn, s._replace(ctr=s.ctr+burn, pc=('PROV', 1))))
        elif n == 1: out.append(('  undefine, define both anchors', s._replace(an=('U','U'), pc=('PROV', 2))))
        elif n == 2: out.append(('  records gen 0, 1 durable', s._replace(copies=(r0, r0._replace(gen=1)), hist=s.hist | {r0, r0._replace(gen=1)}, objs=s.objs | {(sk, s.ctr)}, vf=s.vf | {(sk, 0)}, vh=s.vh | {(sk, 0)}, B=b._replace(sk=sk), pc=('PROV', 3, r0))))
        elif n == 3: out.append(('  NV_Write anchor 0', s._replace(an=(('g', pc[2]), 'U'), pc=('PROV', 4, pc[2]))))
        elif n == 4:
            r1 = pc[2]._replace(gen=1)
            for o, x in s.objs:
                if o != r1.sk and x >= s.ctr: raise Viol('REENROL: SK%s (ULE %d) of the former life opens at %d' % (o, x, s.ctr))
            out.append(('  NV_Write anchor 1: ENROLLED', s._replace(an=(('g', pc[2]), ('g', r1)), latest=r1, dec=0, dv=0, killed=0, otp=0, jr=0, pc=('IDLE', r1))))
        if b.cut:
            t = s._replace(B=b._replace(cut=b.cut-1, ticket=1), pc=('OFF',)); out.append(('power cut', t))
            if n == 2:
                for c in ((r0,'t'),('t',r0._replace(gen=1)),('t','t')): out.append(('power cut, records torn', t._replace(copies=c, hist=s.hist | {r0, r0._replace(gen=1)}, objs=s.objs | {(sk, s.ctr)}, B=t.B._replace(sk=sk))))
            if n == 3: out.append(('power cut tears NV_Write 0', t._replace(an=('t','U'))))
            if n == 4: out.append(('power cut tears NV_Write 1', t._replace(an=(('g', pc[2]),'t'))))
    elif k == 'JR':
        out.append(('journal T=%d durable' % pc[1], s._replace(jr=pc[1], jh=s.jh | {pc[1]}, pc=('KILL', pc[1], False)))); cut()
    elif k == 'KILL':
        if s.ctr < pc[1]:
            out.append(('kill: increment -> %d' % (s.ctr+1), s._replace(ctr=s.ctr+1))); cut('power cut after increment', ctr=s.ctr+1)
            if b.fault and F['resume'] == 'design': out.append(('kill: response lost, increment again -> %d' % (s.ctr+2), s._replace(ctr=s.ctr+2, B=b._replace(fault=b.fault-1))))
        else:
            t = s._replace(killed=1, pc=('CLEAR',)); out.append(('kill receipt: counter %d >= T %d' % (s.ctr, pc[1]), t))
        cut()
    elif k == 'CLEAR':
        out.append(('Clear', s._replace(cleared=1, an=(None, None), pc=('CLR',)))); cut(); cut('power cut after Clear', cleared=1, an=(None, None))
    return out

def resume_anch(s, r, F):
    if F['resume'] == 'design' and not (OF <= s.ctr <= r.T):
        raise Viol('RESUME2: DECOMMISSIONING anchored, counter %d > T %d: "counter in [from,T]" refuses for ever' % (s.ctr, r.T))
    return [('resume kill (anchored T)', s._replace(pc=('KILL', r.T, True)))]

def kill_unanchored(s, r, F):
    """order in a boot state that cannot anchor (or journal found although DECOMMISSIONING is not anchored)"""
    b = s.B; c = s.ctr
    if r is not None and r.life == 'D': return resume_anch(s, r, F)
    if F['resume'] == 'design':
        if s.jr and OF <= c <= s.jr: return [('resume kill from journal, T=%d' % s.jr, s._replace(pc=('KILL', s.jr, False)))]
        if b.order and OF <= c <= OT: return [('order accepted, not anchored', s._replace(B=b._replace(order=0), pc=('JR', new_T(F, c, r))))]
        return []
    # repaired: T is a function of order + anchored record (or of the counter when the state is lost); the journal carries no number
    bd = bound_of(r) if r is not None else c + 1
    T = max(OT + 2, bd + 1)
    if F['Trule'] == 'to+1': T = OT + 1
    if F['Trule'] == 'c+1': T = c + 1
    if s.jr and not s.tam and not (OF <= c <= OT + 2): raise Viol('RESUME3: honest resume refused at counter %d' % c)
    if s.jr and OF <= c <= OT + 2: return [('resume kill (order spooled), T=%d' % T, s._replace(pc=('KILL', T, False)))]
    if b.order and OF <= c <= OT: return [('order accepted, not anchored', s._replace(B=b._replace(order=0), pc=('JR', T)))]
    return []

def sh(r): return '-' if r is None else r if isinstance(r, str) else '%s%d%s%s' % ('FORGED' if r.active < 0 else 'r', r.gen, r.life, r.phase)

def init(B):
    r0 = Rec(0, 'O', 'C', 1, 0, 1, 1, 0, 0, 0, 0, 0); r1 = r0._replace(gen=1)
    return St((r0, r1), None, (('g', r0), ('g', r1)), 1, frozenset({(1, 1)}), frozenset({(1, 0)}), 0, 0, ('OFF',), 0, r1, 0, 0, 0, 0, frozenset({r0, r1}), frozenset(), frozenset({(1, 0)}), B)


def run(name, F, B, stop=False, limit=8000000):
    """Returns (violations by kind, was every reachable state seen)."""
    t0 = time.time()
    s0 = init(B)
    if F.get('start') == 'prov':
        s0 = s0._replace(an=(None, None), copies=(None, None), objs=frozenset(), vf=frozenset(), vh=frozenset(), hist=frozenset(),
                         latest=s0.latest._replace(gen=-1), pc=('PROV', 0), B=B._replace(sk=0))
    if F['idx'] == 1:
        s0 = s0._replace(an=(s0.an[1], 'U'))
    seen = {s0: None}
    q = deque([s0])
    viol = {}

    def trace(s, last):
        p = []
        while seen[s] is not None:
            s, label = seen[s]
            p.append(label)
        return p[::-1] + [last]
    while q and not (stop and viol) and len(seen) <= limit:
        s = q.popleft()
        try:
            check(s, F)
            nxt = step(s, F)
        except Viol as v:
            viol.setdefault(str(v).split(':')[0], trace(s, '!! ' + str(v)))
            continue
        for label, t in nxt:
            if t not in seen:
                seen[t] = (s, label)
                q.append(t)
    print('%-48s %8d states %5.1f s  %s' % (name, len(seen), time.time() - t0, ', '.join(viol) if viol else 'none' if not q else 'cut off'),
          flush=True)
    return viol, not q


# budgets: cut tamper undef inc txn dset fault order sk ticket
DEEP = {
    'crash': Bud(3, 0, 0, 0, 2, 1, 1, 0, 1, 0),
    'crash-order': Bud(3, 0, 0, 0, 1, 0, 1, 1, 1, 0),
    'adv-disk': Bud(2, 1, 0, 0, 1, 1, 0, 0, 1, 0),
    'adv-nv': Bud(2, 1, 1, 1, 1, 0, 0, 0, 1, 1),
    'adv-order': Bud(2, 1, 1, 1, 1, 0, 0, 1, 1, 0),
    'journal-lost': Bud(3, 2, 1, 1, 1, 0, 0, 1, 1, 0),
}
SHORT = {
    'crash': DEEP['crash'],
    'crash-order': DEEP['crash-order'],
    'adv-disk': DEEP['adv-disk'],
    'adv-nv': Bud(1, 1, 1, 1, 1, 0, 0, 0, 1, 1),
    'adv-order': Bud(1, 1, 1, 1, 1, 0, 0, 1, 1, 0),
}
JOURNAL = Bud(3, 2, 0, 1, 1, 0, 0, 1, 1, 0)
PROVISION = Bud(4, 0, 0, 0, 1, 1, 0, 0, 0, 0)
PROVISION_ADVERSARY = Bud(1, 1, 1, 1, 1, 0, 0, 0, 0, 1)

MUTANTS = [  # name, scenario, what is done otherwise
    ('anchor before record write', 'crash', dict(order=('nv', 'nvrb', 'w', 'f', 'rb'))),
    ('anchor before fsync', 'crash', dict(order=('w', 'nv', 'nvrb', 'f', 'rb'))),
    ('read-back dropped', 'crash', dict(order=('w', 'f', 'nv', 'nvrb'))),
    ('fsync dropped, read-back from page cache', 'crash', dict(order=('w', 'rb', 'nv', 'nvrb', 'f'), cache=True)),
    ('read-back from page cache', 'crash', dict(cache=True)),
    ('generation 0 accepted', PROVISION, dict(start='prov', gen0=False)),
    ('T = epoch_to + 1', Bud(4, 0, 0, 0, 2, 0, 0, 1, 1, 0), dict(Trule='to+1')),
    ('T = counter + 1', 'crash-order', dict(Trule='c+1')),
    ('single index', 'crash', dict(idx=1, gap=False)),
    ('winning copy overwritten', 'crash', dict(loser='wrong')),
    ('winning index overwritten', 'crash', dict(loser='winidx')),
    ('reseal before COMMITTING is anchored', 'crash', dict(early_reseal=True)),
    ('increment before RESEALED is anchored', 'crash', dict(inc_first=True)),
    ('reseal kept beside the record', 'crash', dict(reseal='loose')),
    ('OTP skipped when the counter is at to', DEEP['adv-nv'], dict(otp_skip=True)),
    ('an unanchored copy rolled forward', 'adv-disk', dict(rollfwd=True)),
    ('lower anchor taken', 'adv-disk', dict(on_nomatch='other')),
    ('missing anchor ignored', DEEP['adv-nv'], dict(both=False)),
    ('no checksum', 'crash', dict(checksum=False)),
    ('old vault file removed before the anchor', 'crash', dict(gc='before')),
    ('store set under the same key', 'crash', dict(dsk='same')),
    ('store set in TRIAL', 'crash', dict(set_trial=True)),
    ('re-enrolment without burning two', DEEP['adv-nv'], dict(burn=False)),
    ('no resume after Clear', 'crash-order', dict(clear_resume=False)),
    ('journal carries T', Bud(3, 2, 0, 0, 2, 0, 0, 1, 1, 0), dict(resume='design', Trule='design', jonly=1)),
]
LOOSE_FORMS = [
    ('the first draft, crash', LOOSE, 'crash'),
    ('the first draft, crash with an order', LOOSE, 'crash-order'),
    ('the first draft, adversary', LOOSE, 'adv-nv'),
    ('40 bytes, other anchor taken', dict(DESIGN, checksum=False, on_nomatch='other'), 'adv-disk'),
    ('fall-back from the other copy', dict(DESIGN, fallback='copy'), 'adv-disk'),
    ('fall-back copy against the other anchor', dict(DESIGN, fallback='anchored'), 'crash'),
]


def must_hold(name, F, B):
    viol, complete = run(name, F, B)
    for path in viol.values():
        print('       ' + '\n       '.join(path))
    return not viol and complete


def must_fail(name, F, B):
    viol, _ = run(name, F, B, stop=True)
    if not viol:
        print('       not caught')
    return bool(viol)


def budget(which):
    return SHORT[which] if isinstance(which, str) else which


def design(scenarios, provision_adversary):
    ok = [must_hold('design: ' + n, DESIGN, B) for n, B in scenarios.items()]
    ok.append(must_hold('design: journal', dict(DESIGN, jonly=1), JOURNAL))
    ok.append(must_hold('design: provisioning cut', dict(DESIGN, start='prov'), PROVISION))
    ok.append(must_hold('design: provisioning, adversary', dict(DESIGN, start='prov'), provision_adversary))
    return all(ok)


def main(parts):
    ok = True
    for part in parts or ['design', 'mutants', 'loose']:
        if part == 'design':
            ok = design(SHORT, PROVISION_ADVERSARY) and ok
        elif part == 'deep':
            ok = design(DEEP, Bud(2, 1, 1, 1, 1, 0, 0, 0, 0, 1)) and ok
        elif part == 'mutants':
            ok = all([must_fail('mutant: ' + n, dict(DESIGN, **k), budget(b)) for n, b, k in MUTANTS]) and ok
        elif part == 'loose':
            ok = all([must_fail('loose: ' + n, F, budget(b)) for n, F, b in LOOSE_FORMS]) and ok
        else:
            sys.exit(__doc__)
    return 0 if ok else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
