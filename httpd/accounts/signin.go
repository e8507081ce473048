package accounts

import (
	"context"
	"encoding/hex"
	"net/netip"
	"time"
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
	account, ok := l.proven(kept, g.file.now())
	if !ok {
		return SignIn{}, ErrDenied
	}
	return SignIn{Account: account, Until: kept.Until}, nil
}

// SignOut ends the sign-in of a secret. It returns an error when the end will be forgotten
// when the process ends.
func (g *Gate) SignOut(secret string) error { return g.signIns.remove(secret) }

// proven returns the account of a sign-in as the password or the token logs in to it that the
// sign-in was made by. It returns false when the account has that no more, or it has ended.
func (l *list) proven(kept keptSignIn, now time.Time) (Account, bool) {
	account := l.byKey[keyOf(kept.Account)]
	if account == nil {
		return Account{}, false
	}
	if account.Password != "" && proofOf("password", account.Password) == kept.Proof {
		return account.byPassword(), true
	}
	for _, t := range l.tokens {
		if keyOf(t.account.Name) == keyOf(account.Name) && proofOf("token", hex.EncodeToString(t.sum[:])) == kept.Proof {
			return t.account, !t.account.Tokens[0].HasEnded(now)
		}
	}
	return Account{}, false
}
