package accounts

import (
	"strconv"
	"time"
)

// content1 is the content of a file of format 1, in which a token had no name and no end.
type content1 struct {
	Accounts   []account1 `json:"accounts"`
	Unrecorded []Change   `json:"unrecorded,omitempty"`
}

// account1 is an account of format 1.
type account1 struct {
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Password string    `json:"password,omitempty"`
	Tokens   []string  `json:"tokens,omitempty"`
	Changed  time.Time `json:"changed"`
}

// readContent reads the content of a file of any known format.
func readContent(format int, text []byte) (content, error) {
	if format != 1 {
		var c content
		err := strictly(text, &c)
		return c, err
	}
	var old content1
	if err := strictly(text, &old); err != nil {
		return content{}, err
	}
	c := content{Unrecorded: old.Unrecorded}
	for _, a := range old.Accounts {
		c.Accounts = append(c.Accounts, a.upgrade())
	}
	return c, nil
}

// upgrade returns the account in today's form. Its tokens get names, the first one that of a
// token which is made without one. They have no end, as before.
func (a account1) upgrade() Account {
	now := Account{Name: a.Name, Role: a.Role, Password: a.Password, Changed: a.Changed}
	for i, sum := range a.Tokens {
		name := UsualToken
		if i > 0 {
			name += "-" + strconv.Itoa(i+1)
		}
		now.Tokens = append(now.Tokens, Token{Name: name, Role: a.Role, Sum: sum})
	}
	return now
}
