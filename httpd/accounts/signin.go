package accounts

import (
	"context"
	"encoding/hex"
	"net/netip"
)

// SignIn signs a browser in by a name and a password. Errors: those of [Gate.Password].
func (g *Gate) SignIn(ctx context.Context, client netip.Addr, name, password string) (SignIn, error) {
	account, err := g.Password(ctx, client, name, password)
	if err != nil {
		return SignIn{}, err
	}
	return g.signIns.add(account, proofOf("password", account.Password)), nil
}

// SignInByToken signs a browser in by a token. Errors: those of [Gate.Token].
func (g *Gate) SignInByToken(client netip.Addr, text string) (SignIn, error) {
	account, err := g.Token(client, text)
	if err != nil {
		return SignIn{}, err
	}
	return g.signIns.add(account, proofOf("token", idOf(text))), nil
}

// SignedIn returns the sign-in of a secret, without the secret. It has ended when its account
// is gone, or the password or the token by which it was made. Errors: [ErrDenied].
func (g *Gate) SignedIn(secret string) (SignIn, error) {
	kept, ok := g.signIns.find(secret)
	if !ok {
		return SignIn{}, ErrDenied
	}
	l := g.list.Load()
	account := l.byKey[keyOf(kept.Account)]
	if account == nil || !l.proves(account, kept.Proof) {
		return SignIn{}, ErrDenied
	}
	return SignIn{Account: *account, Until: kept.Until}, nil
}

// SignOut ends the sign-in of a secret. It returns an error when the end will be forgotten
// when the process ends.
func (g *Gate) SignOut(secret string) error { return g.signIns.remove(secret) }

// proves reports whether an account still has the password or the token of a proof.
func (l *list) proves(account *Account, proof string) bool {
	if account.Password != "" && proofOf("password", account.Password) == proof {
		return true
	}
	for _, t := range l.tokens {
		if t.account == account && proofOf("token", hex.EncodeToString(t.sum[:])) == proof {
			return true
		}
	}
	return false
}
